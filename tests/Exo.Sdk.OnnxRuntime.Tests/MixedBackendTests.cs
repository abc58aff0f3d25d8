using Exo.Sdk.Cpu;
using Exo.Sdk.Planning;

namespace Exo.Sdk.OnnxRuntime.Tests;

/// <summary>Ranks of one group may run different backends, so all must say the same things to each other: as many sums, as many rows at a time.</summary>
public sealed class MixedBackendTests
{
    private static readonly ModelShape Shape = new()
    {
        Hidden = 72, // No multiple of 32, to which one of the backends pads its rows.
        QueryHeads = 6,
        KeyValueHeads = 2,
        Channels = 40,
        Seed = 77,
    };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Several_tokens_pass_through_ranks_of_different_backends(bool onnxFirst)
    {
        MemoryModel model = new(Shape);
        ShardAssignment[] parts = ShardSet.Divide(model.Spec, [1, 1], [20, 20], [50, 47]);
        IComputeBackend[] backends = onnxFirst ? [new OnnxRuntimeBackend(), new CpuBackend()] : [new CpuBackend(), new OnnxRuntimeBackend()];
        ShardOptions options = new() { ContextLength = 64, MaxSequences = 2, KeyValues = KeyValuePrecision.Float32 };
        using ShardSet shards = ShardSet.Load(rank => backends[rank], model.Spec, model.Weights, parts, options);
        int[] tokens = model.Tokens(5, 1);
        shards.Do(shard => shard.Allocate(0));

        float[][] rows = shards.Forward(tokens, new SequenceStep(0, 0, 5, StepLogits.All));

        double[][] expected = new ReferenceModel(model).Logits(tokens);
        rows.Zip(expected).Max(pair => Accuracy.Error(pair.First, pair.Second)).Should().BeLessThan(2e-5);
    }
}
