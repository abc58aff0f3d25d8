using Exo.Sdk.OnnxRuntime.Tests.Support;
using Xunit.Abstractions;

namespace Exo.Sdk.OnnxRuntime.Tests;

public sealed class SequenceTests : IDisposable
{
    private const double Bound = 1e-4;
    private const int Count = 40;

    private readonly ITestOutputHelper _output;
    private readonly MemoryModel _model = new(new ModelShape { Window = 13, Seed = 40 });
    private readonly ShardSet _shards;
    private readonly int[] _first;
    private readonly int[] _second;
    private readonly double[][] _firstLogits;
    private readonly double[][] _secondLogits;

    public SequenceTests(ITestOutputHelper output)
    {
        _output = output;
        _shards = new ShardSet(_model, options: new ShardOptions { ContextLength = Count, MaxSequences = 3, MaxBatchTokens = 64 });
        _first = _model.Tokens(Count, 1);
        _second = _model.Tokens(Count, 2);
        _firstLogits = new ReferenceModel(_model).Logits(_first);
        _secondLogits = new ReferenceModel(_model).Logits(_second);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(20, 20)]
    [InlineData(1, 7, 32)]
    [InlineData(33, 3, 2, 2)]
    public void Prefill_in_chunks_equals_prefill_at_once(params int[] chunks)
    {
        _shards.Do(shard => shard.Allocate(1));
        int position = 0;
        foreach (int chunk in chunks)
        {
            float[][] logits = _shards.Forward(_first[position..(position + chunk)], new SequenceStep(1, position, chunk, StepLogits.Last));
            position += chunk;
            Check(logits[0], _firstLogits[position - 1]);
        }
    }

    [Fact]
    public void Sequences_share_a_step_without_mixing()
    {
        _shards.Do(shard => shard.Allocate(0));
        _shards.Do(shard => shard.Allocate(2));

        // Prefill of one beside prefill of the other, then decode of both, then a chunk beside a decode.
        float[][] logits = _shards.Forward([.. _first[..10], .. _second[..5]], new(2, 0, 10, StepLogits.None), new(0, 0, 5, StepLogits.Last));
        Check(logits.Should().ContainSingle().Subject, _secondLogits[4]);
        for (int i = 0; i < 5; i++)
        {
            logits = _shards.Forward([_second[5 + i], _first[10 + i]], new(0, 5 + i, 1, StepLogits.Last), new(2, 10 + i, 1, StepLogits.Last));
            Check(logits[0], _secondLogits[5 + i]);
            Check(logits[1], _firstLogits[10 + i]);
        }

        logits = _shards.Forward([.. _second[10..30], _first[15]], new(0, 10, 20, StepLogits.Last), new(2, 15, 1, StepLogits.Last));
        Check(logits[0], _secondLogits[29]);
        Check(logits[1], _firstLogits[15]);
    }

    [Fact]
    public void Logits_of_every_token_come_in_the_order_of_the_tokens()
    {
        _shards.Do(shard => shard.Allocate(0));
        _shards.Do(shard => shard.Allocate(1));
        float[][] logits = _shards.Forward(
            [.. _first[..17], .. _second[..5]], new SequenceStep(0, 0, 17, StepLogits.All), new SequenceStep(1, 0, 5, StepLogits.Last));
        logits.Should().HaveCount(18);
        for (int i = 0; i < 17; i++)
        {
            Check(logits[i], _firstLogits[i]);
        }

        Check(logits[17], _secondLogits[4]);
        logits = _shards.Forward(
            [_first[17], .. _second[5..12]], new SequenceStep(0, 17, 1, StepLogits.None), new SequenceStep(1, 5, 7, StepLogits.All));
        for (int i = 0; i < 7; i++)
        {
            Check(logits[i], _secondLogits[5 + i]);
        }
    }

    [Fact]
    public void Kinds_of_logits_adapters_and_pages_that_the_shard_does_not_know_are_refused()
    {
        _shards.Do(shard => shard.Allocate(0));
        _shards[0].Features.Should().Be(ShardFeatures.None);
        float[] logits = new float[_model.Spec.VocabularySize];
        Refuse<ArgumentException>(() => _shards[0].Forward(new StepBatch([1], [new SequenceStep(0, 0, 1, (StepLogits)3)]), logits));
        Refuse<ArgumentException>(() => _shards[0].Forward(new StepBatch([1], [new SequenceStep(0, 0, 1, StepLogits.Last) { Adapter = 1 }]), logits));
        Refuse<ArgumentException>(() => _shards[0].Forward(new StepBatch([1], [new SequenceStep(0, 0, 1, StepLogits.Last) { PageCount = 1 }], [7]), logits));
        Check(_shards.Forward(_first[..3], new SequenceStep(0, 0, 3, StepLogits.Last))[0], _firstLogits[2]);
    }

    [Fact]
    public void A_fork_goes_its_own_way_and_leaves_its_source_alone()
    {
        _shards.Do(shard => shard.Allocate(0));
        _shards.Forward(_first[..20], new SequenceStep(0, 0, 20, StepLogits.None));
        _shards.Do(shard => shard.Fork(0, 1));
        _shards.Forward(_second[20..30], new SequenceStep(1, 20, 10, StepLogits.None));
        double[][] mixed = new ReferenceModel(_model).Logits([.. _first[..20], .. _second[20..31]]);
        Check(_shards.Forward([_second[30]], new SequenceStep(1, 30, 1, StepLogits.Last))[0], mixed[30]);
        Check(_shards.Forward([_first[20]], new SequenceStep(0, 20, 1, StepLogits.Last))[0], _firstLogits[20]);
    }

    [Fact]
    public void A_truncated_sequence_continues_from_its_new_end()
    {
        _shards.Do(shard => shard.Allocate(0));
        _shards.Forward([.. _first[..17], .. _second[..20]], new SequenceStep(0, 0, 37, StepLogits.None));
        _shards.Do(shard => shard.Truncate(0, 17));
        Check(_shards.Forward([_first[17]], new SequenceStep(0, 17, 1, StepLogits.Last))[0], _firstLogits[17]);
        _shards.Do(shard => shard.Truncate(0, 0));
        Check(_shards.Forward(_second[..3], new SequenceStep(0, 0, 3, StepLogits.Last))[0], _secondLogits[2]);
    }

    [Fact]
    public void A_freed_slot_is_empty_when_it_is_opened_again()
    {
        _shards.Do(shard => shard.Allocate(0));
        _shards[0].Memory.KeyValueCache.Should().BeGreaterThan(0);
        _shards.Forward(_first[..20], new SequenceStep(0, 0, 20, StepLogits.None));
        _shards.Do(shard => shard.Free(0));
        _shards[0].Memory.KeyValueCache.Should().Be(0);
        _shards.Do(shard => shard.Allocate(0));
        Check(_shards.Forward(_second[..3], new SequenceStep(0, 0, 3, StepLogits.Last))[0], _secondLogits[2]);
    }

    [Fact]
    public void Misuse_is_refused_and_changes_nothing()
    {
        _shards[0].Allocate(0);
        Refuse<InvalidOperationException>(() => _shards[0].Allocate(0));
        Refuse<InvalidOperationException>(() => _shards[0].Free(1));
        Refuse<InvalidOperationException>(() => _shards[0].Fork(1, 2));
        Refuse<InvalidOperationException>(() => _shards[0].Fork(0, 0));
        Refuse<ArgumentOutOfRangeException>(() => _shards[0].Allocate(3));
        Refuse<ArgumentOutOfRangeException>(() => _shards[0].Truncate(0, 1));
        Refuse<ArgumentException>(() => _shards.Forward([1], new SequenceStep(0, 1, 1, StepLogits.Last)));
        Refuse<ArgumentException>(() => _shards.Forward([_model.Spec.VocabularySize], new SequenceStep(0, 0, 1, StepLogits.Last)));
        Refuse<ArgumentException>(() => _shards.Forward([-1], new SequenceStep(0, 0, 1, StepLogits.Last)));
        Refuse<ArgumentException>(() => _shards.Forward([1, 2], new SequenceStep(0, 0, 1, StepLogits.Last)));
        Refuse<ArgumentException>(() => _shards.Forward([1, 2], new SequenceStep(0, 0, 1, StepLogits.Last), new SequenceStep(0, 0, 1, StepLogits.Last)));
        Refuse<ArgumentException>(() => _shards.Forward(_model.Tokens(41, 3), new SequenceStep(0, 0, 41, StepLogits.Last)));
        Refuse<ArgumentException>(() => _shards.Forward(_model.Tokens(65, 3), new SequenceStep(0, 0, 65, StepLogits.Last)));
        Refuse<ArgumentException>(() => _shards[0].Forward(new StepBatch([1], [new SequenceStep(0, 0, 1, StepLogits.Last)]), new float[3]));
        Check(_shards.Forward(_first[..3], new SequenceStep(0, 0, 3, StepLogits.Last))[0], _firstLogits[2]);
    }

    public void Dispose() => _shards.Dispose();

    private static void Refuse<T>(Action action)
        where T : Exception => action.Should().Throw<T>();

    private void Check(float[] actual, double[] expected)
    {
        double error = Accuracy.Error(actual, expected);
        _output.WriteLine($"relative error {error:e2}");
        error.Should().BeLessThan(Bound);
    }
}
