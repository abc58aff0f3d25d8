using Exo.Sdk.Cpu;
using Exo.Sdk.Mlx.Tests.Support;

namespace Exo.Sdk.Mlx.Tests;

/// <summary>Ranks of one group may run different backends, so all must say the same things to each other: as many sums, as many rows at a time.</summary>
public sealed class MixedBackendTests
{
    [StandinTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void More_rows_than_sequences_pass_between_MLX_and_the_CPU(bool mlxFirst)
    {
        MemoryModel model = new(new ModelShape { Hidden = 72, QueryHeads = 6, KeyValueHeads = 2, Channels = 40, Seed = 77 });
        Standin standin = new();
        IComputeBackend[] backends = mlxFirst ? [standin.Backend, new CpuBackend()] : [new CpuBackend(), standin.Backend];
        int[] tokens = model.Tokens(5, 1);
        float[][] rows;
        using (ShardSet shards = ShardSet.Load(
            rank => backends[rank],
            model.Spec,
            model.Weights,
            ShardSet.Divide(model.Spec, [1, 1], [20, 20], [50, 47]),
            new ShardOptions { ContextLength = 64, MaxSequences = 2, KeyValues = KeyValuePrecision.Float32 }))
        {
            shards.Do(shard => shard.Allocate(0));
            rows = shards.Forward(tokens, new SequenceStep(0, 0, 5, StepLogits.All));
        }

        rows.Zip(new ReferenceModel(model).Logits(tokens)).Max(pair => Accuracy.Error(pair.First, pair.Second)).Should().BeLessThan(1e-4);
        standin.ShouldBeInOrder();
    }
}
