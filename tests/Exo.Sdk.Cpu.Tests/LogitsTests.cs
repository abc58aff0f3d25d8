using Exo.Sdk.Cpu.Tests.Support;
using Exo.Sdk.Cpu.Weights;
using Exo.Sdk.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests;

public sealed class LogitsTests(ITestOutputHelper output)
{
    private const int DecodeSteps = 32;
    private const double Bound = 2e-5;
    private const double IntegerBound = 8e-2;

    public static TheoryData<ModelShape> Shapes() =>
    [
        new ModelShape { Name = "llama" },
        new ModelShape { Name = "llama, tied", IsTied = true, Seed = 2 },
        new ModelShape { Name = "qwen2: biases", HasBias = true, HasOutputBias = true, Seed = 3 },
        new ModelShape { Name = "qwen3: query and key norms", HasQueryKeyNorm = true, HeadSize = 32, Seed = 4 },
        new ModelShape { Name = "odd sizes", Hidden = 72, HeadSize = 24, QueryHeads = 3, KeyValueHeads = 1, Channels = 83, Vocabulary = 131, Seed = 5 },
        new ModelShape { Name = "heads of 8", Hidden = 40, HeadSize = 8, QueryHeads = 6, KeyValueHeads = 3, Channels = 44, Seed = 6 },
        new ModelShape { Name = "heads of 6", Hidden = 36, HeadSize = 6, QueryHeads = 6, KeyValueHeads = 2, Channels = 44, Seed = 6 },
        new ModelShape { Name = "sliding window 5", Window = 5, Seed = 7 },
        new ModelShape { Name = "sliding window 1", Window = 1, Seed = 7 },
        new ModelShape { Name = "llama3 rope", Scaling = new Llama3RopeScaling(8, 1, 4, 64), Seed = 8 },
        new ModelShape { Name = "linear rope", Scaling = new LinearRopeScaling(4), Seed = 9 },
        new ModelShape { Name = "bf16", Type = ElementType.BFloat16, Seed = 10 },
        new ModelShape { Name = "bf16, odd sizes", Type = ElementType.BFloat16, Hidden = 53, HeadSize = 16, Channels = 77, Seed = 11 },
        new ModelShape { Name = "f16", Type = ElementType.Float16, Seed = 12 },
        new ModelShape { Name = "4-bit, groups of 32", Packing = new(4, 32), Type = ElementType.BFloat16, Hidden = 96, Channels = 160, IsTied = true, Seed = 13 },
        new ModelShape { Name = "4-bit, groups of 64", Packing = new(4, 64), Hidden = 192, Channels = 320, Seed = 14 },
        new ModelShape { Name = "4-bit, groups of 128", Packing = new(4, 128), Hidden = 128, QueryHeads = 8, Channels = 384, HasBias = true, Seed = 15 },
        new ModelShape { Name = "8-bit, groups of 32", Packing = new(8, 32), Type = ElementType.Float16, Hidden = 96, Channels = 160, IsTied = true, Seed = 16 },
        new ModelShape { Name = "8-bit, groups of 64", Packing = new(8, 64), Type = ElementType.BFloat16, Hidden = 192, Channels = 320, Seed = 17 },
        new ModelShape { Name = "8-bit, groups of 128", Packing = new(8, 128), Hidden = 128, QueryHeads = 8, Channels = 384, HasBias = true, Seed = 18 },
        new ModelShape { Name = "2-bit", Packing = new(2, 64), Hidden = 192, Channels = 320, IsTied = true, Seed = 19 },
        new ModelShape { Name = "3-bit", Packing = new(3, 32), Type = ElementType.Float16, Hidden = 96, Channels = 160, Seed = 20 },
        new ModelShape { Name = "5-bit", Packing = new(5, 64), Type = ElementType.BFloat16, Hidden = 192, Channels = 320, IsTied = true, Seed = 21 },
        new ModelShape { Name = "6-bit", Packing = new(6, 32), Hidden = 96, Channels = 160, HasOutputBias = true, Seed = 22 },
        new ModelShape { Name = "16 query heads to one key-value head", QueryHeads = 16, KeyValueHeads = 1, HeadSize = 8, Seed = 23 },
    ];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void One_rank_agrees_with_the_formulas_over_prefill_and_decode(ModelShape shape)
    {
        MemoryModel model = new(shape);
        using ShardSet shards = new(model);
        Follow(model, shards, prefill: 11).Should().BeLessThan(Bound);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void Every_register_width_agrees_with_the_formulas(int lanes)
    {
        foreach (ModelShape shape in (ModelShape[])[
            new() { Hidden = 53, HeadSize = 10, Channels = 77, HasBias = true, HasQueryKeyNorm = true, Type = ElementType.Float16, Seed = 24 },
            new() { Packing = new(4, 32), Hidden = 96, Channels = 160, IsTied = true, Window = 6, Seed = 25 }])
        {
            MemoryModel model = new(shape);
            using ShardSet shards = new(model, lanes: lanes);
            Follow(model, shards, prefill: 11).Should().BeLessThan(Bound);
        }

        MatrixFactory.BestLanes.Should().BeOneOf(4, 8, 16);
    }

    [Theory]
    [InlineData(2, 32, IntegerBound)]
    [InlineData(3, 64, IntegerBound)]
    [InlineData(4, 32, IntegerBound)]
    [InlineData(4, 64, IntegerBound)]
    [InlineData(4, 128, IntegerBound)]
    [InlineData(5, 64, IntegerBound)]
    [InlineData(6, 128, IntegerBound)]
    [InlineData(8, 64, Bound)]
    public void Integer_activations_agree_within_their_own_bound(int bits, int groupSize, double bound)
    {
        MemoryModel model = new(new ModelShape { Hidden = 256, QueryHeads = 8, Channels = 384, Packing = new(bits, groupSize), HasBias = true, Seed = 20 });
        using ShardSet shards = new(model, options: new ShardOptions
        {
            ContextLength = 64,
            Activations = ActivationPrecision.Int8,
            KeyValues = KeyValuePrecision.Float32,
        });
        double error = Follow(model, shards, prefill: 11);
        error.Should().BeLessThan(bound);
        if (bits < 8)
        {
            error.Should().BeGreaterThan(Bound, "the integer path must really be taken");
        }
    }

    [Theory]
    [InlineData(KeyValuePrecision.Float32, Bound)]
    [InlineData(KeyValuePrecision.Float16, 2e-3)]
    [InlineData(KeyValuePrecision.BFloat16, 2e-2)]
    [InlineData(KeyValuePrecision.Int8, 3e-2)]
    public void Forms_of_keys_and_values_change_logits_within_their_bounds(KeyValuePrecision precision, double bound)
    {
        MemoryModel model = new(new ModelShape { Hidden = 128, HeadSize = 32, Layers = 3, HasBias = true, Seed = 26 });
        using ShardSet shards = new(model, options: new ShardOptions { ContextLength = 64, KeyValues = precision });
        double error = Follow(model, shards, prefill: 11);
        error.Should().BeLessThan(bound);
        if (precision != KeyValuePrecision.Float32)
        {
            error.Should().BeGreaterThan(bound / 100, "the form must really be used");
        }
    }

    private double Follow(MemoryModel model, ShardSet shards, int prefill)
    {
        int[] tokens = model.Tokens(prefill + DecodeSteps, 1000);
        double[][] expected = new ReferenceModel(model).Logits(tokens);
        shards.Do(shard => shard.Allocate(0));
        float[][] logits = shards.Forward(tokens[..prefill], new SequenceStep(0, 0, prefill, StepLogits.Last));
        double prefillError = Accuracy.Error(logits[0], expected[prefill - 1]);
        double decodeError = 0;
        for (int position = prefill; position < tokens.Length; position++)
        {
            logits = shards.Forward([tokens[position]], new SequenceStep(0, position, 1, StepLogits.Last));
            decodeError = Math.Max(decodeError, Accuracy.Error(logits[0], expected[position]));
        }

        shards.Do(shard => shard.Free(0));
        output.WriteLine($"largest relative error: prefill {prefillError:e2}, decode {decodeError:e2}");
        return Math.Max(prefillError, decodeError);
    }
}
