using Exo.Sdk.Mlx.Tests.Support;

namespace Exo.Sdk.Mlx.Tests;

/// <summary>What a shard's cache must do, against the formulas in double precision.</summary>
public sealed class SequenceTests
{
    private const double Bound = 1e-4;

    private static readonly ModelShape Plain = new() { HasQueryKeyNorm = true, Seed = 5 };

    [MlxFact]
    public void Sequences_of_one_step_do_not_mix()
    {
        MemoryModel model = new(Plain);
        using IModelShard shard = Ranks.Load(new MlxBackend(), model.Spec, model.Weights);
        int[][] texts = [model.Tokens(20, 1), model.Tokens(13, 2), model.Tokens(17, 3)];
        double[][][] expected = [.. texts.Select(text => new ReferenceModel(model).Logits(text))];
        for (int slot = 0; slot < texts.Length; slot++)
        {
            shard.Allocate(slot);
        }

        // Prefill of all three, one of them without logits, then steps that mix decoding with prefill.
        float[] logits = new float[2 * model.Spec.VocabularySize];
        shard.Forward(
            new StepBatch([.. texts[0][..7], .. texts[1][..5], .. texts[2][..9]], [new(0, 0, 7, StepLogits.Last), new(1, 0, 5, StepLogits.None), new(2, 0, 9, StepLogits.Last)]), logits);
        Check(logits, model, 0, expected[0][6]);
        Check(logits, model, 1, expected[2][8]);
        shard.Forward(new StepBatch([texts[2][9], .. texts[0][7..12], texts[1][5]], [new(2, 9, 1, StepLogits.Last), new(0, 7, 5, StepLogits.None), new(1, 5, 1, StepLogits.Last)]), logits);
        Check(logits, model, 0, expected[2][9]);
        Check(logits, model, 1, expected[1][5]);
        shard.Forward(new StepBatch([texts[0][12], texts[1][6]], [new(0, 12, 1, StepLogits.Last), new(1, 6, 1, StepLogits.Last)]), logits);
        Check(logits, model, 0, expected[0][12]);
        Check(logits, model, 1, expected[1][6]);
    }

    [MlxFact]
    public void Logits_of_every_token_come_in_the_order_of_the_tokens()
    {
        MemoryModel model = new(Plain);
        using IModelShard shard = Ranks.Load(new MlxBackend(), model.Spec, model.Weights);
        int[][] texts = [model.Tokens(17, 1), model.Tokens(5, 2)];
        double[][][] expected = [.. texts.Select(text => new ReferenceModel(model).Logits(text))];
        shard.Allocate(0);
        shard.Allocate(1);
        float[] logits = new float[18 * model.Spec.VocabularySize];
        shard.Forward(new StepBatch([.. texts[0], .. texts[1]], [new(0, 0, 17, StepLogits.All), new(1, 0, 5, StepLogits.Last)]), logits);
        for (int i = 0; i < 17; i++)
        {
            Check(logits, model, i, expected[0][i]);
        }

        Check(logits, model, 17, expected[1][4]);
    }

    [MlxFact]
    public void Chunks_without_logits_are_computed_all_the_same()
    {
        MemoryModel model = new(Plain);
        using IModelShard shard = Ranks.Load(new MlxBackend(), model.Spec, model.Weights);
        int[] text = model.Tokens(300, 4);
        double[] expected = new ReferenceModel(model).Logits(text)[^1];
        shard.Allocate(1);
        float[] logits = new float[model.Spec.VocabularySize];

        // Beyond the cache's first capacity of 256, so that it grows with contents.
        for (int position = 0; position < text.Length; position += 50)
        {
            bool isLast = position + 50 == text.Length;
            shard.Forward(new StepBatch(text.AsSpan(position, 50), [new(1, position, 50, isLast ? StepLogits.Last : StepLogits.None)]), isLast ? logits : default);
        }

        Check(logits, model, 0, expected);
        shard.Memory.KeyValueCache.Should().Be(2L * 2 * 2 * 512 * 16 * sizeof(float));
    }

    [MlxFact]
    public void Fork_and_truncation_leave_the_other_sequence_alone()
    {
        MemoryModel model = new(Plain);
        using IModelShard shard = Ranks.Load(new MlxBackend(), model.Spec, model.Weights);
        int[] text = model.Tokens(12, 6);
        int[] other = [.. text[..8], .. model.Tokens(4, 7)];
        double[][] expected = new ReferenceModel(model).Logits(text);
        double[][] expectedOther = new ReferenceModel(model).Logits(other);
        float[] logits = new float[model.Spec.VocabularySize];
        shard.Allocate(0);
        shard.Forward(new StepBatch(text.AsSpan(0, 10), [new(0, 0, 10, StepLogits.None)]), default);
        shard.Fork(0, 2);
        shard.Truncate(2, 8);
        for (int i = 8; i < 12; i++)
        {
            shard.Forward(new StepBatch(other.AsSpan(i, 1), [new(2, i, 1, StepLogits.Last)]), logits);
            Check(logits, model, 0, expectedOther[i]);
        }

        for (int i = 10; i < 12; i++)
        {
            shard.Forward(new StepBatch(text.AsSpan(i, 1), [new(0, i, 1, StepLogits.Last)]), logits);
            Check(logits, model, 0, expected[i]);
        }

        shard.Free(2);
        shard.Invoking(s => s.Truncate(2, 0)).Should().Throw<InvalidOperationException>();
        shard.Invoking(s => s.Allocate(0)).Should().Throw<InvalidOperationException>();
        shard.Invoking(s => s.Allocate(3)).Should().Throw<ArgumentOutOfRangeException>();
        shard.Invoking(s => s.Forward(new StepBatch([1], [new(0, 11, 1, StepLogits.Last)]), new float[97])).Should().Throw<ArgumentException>().WithMessage("*holds 12*");
        shard.Invoking(s => s.Forward(new StepBatch([97], [new(0, 12, 1, StepLogits.Last)]), new float[97])).Should().Throw<ArgumentException>().WithMessage("*vocabulary*");
    }

    [MlxTheory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(40)]
    public void A_window_hides_the_same_positions_however_the_text_is_cut(int chunk)
    {
        MemoryModel model = new(new ModelShape { Window = 6, Seed = 8, Layers = 3 });
        using IModelShard shard = Ranks.Load(new MlxBackend(), model.Spec, model.Weights);
        int[] text = model.Tokens(40, 9);
        double[][] expected = new ReferenceModel(model).Logits(text);
        float[] logits = new float[model.Spec.VocabularySize];
        shard.Allocate(0);
        for (int position = 0; position < text.Length; position += chunk)
        {
            int count = Math.Min(chunk, text.Length - position);
            shard.Forward(new StepBatch(text.AsSpan(position, count), [new(0, position, count, StepLogits.Last)]), logits);
            Check(logits, model, 0, expected[position + count - 1]);
        }
    }

    private static void Check(float[] logits, MemoryModel model, int row, double[] expected)
    {
        int size = model.Spec.VocabularySize;
        Accuracy.Error(logits.AsSpan(row * size, size), expected).Should().BeLessThan(Bound);
    }
}
