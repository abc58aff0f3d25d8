using Exo.Sdk.Cpu;
using Exo.Sdk.OnnxRuntime.Tests.Support;
using Exo.Sdk.Planning;
using Exo.Sdk.Transport;

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
    public async Task Several_tokens_pass_through_ranks_of_different_backends(bool onnxFirst)
    {
        MemoryModel model = new(Shape);
        ShardAssignment[] split = ShardSet.Split(model.Spec, [1, 1], [20, 20], [50, 47]);
        IComputeBackend[] backends = onnxFirst ? [new OnnxRuntimeBackend(), new CpuBackend()] : [new CpuBackend(), new OnnxRuntimeBackend()];
        ICollective[] group = await ConnectAsync();
        IModelShard[] shards = new IModelShard[2];
        ShardOptions options = new() { ContextLength = 64, MaxSequences = 2, KeyValues = KeyValuePrecision.Float32 };
        int[] tokens = model.Tokens(5, 1);
        SequenceStep[] steps = [new SequenceStep(0, 0, 5, StepLogits.All)];
        float[] logits = new float[5 * model.Spec.VocabularySize];
        try
        {
            ThreadGroup.Run(2, rank =>
            {
                shards[rank] = backends[rank].LoadAsync(model.Spec, split[rank], model.Weights, group[rank], options).AsTask().GetAwaiter().GetResult();
                shards[rank].Allocate(0);
                shards[rank].Forward(new StepBatch(tokens, steps), rank == 0 ? logits : default);
            });
        }
        finally
        {
            Array.ForEach(shards, shard => shard?.Dispose());
            Array.ForEach(group, rank => rank.Dispose());
        }

        double[][] expected = new ReferenceModel(model).Logits(tokens);
        float[][] rows = [.. logits.Chunk(model.Spec.VocabularySize)];
        rows.Zip(expected).Max(pair => Accuracy.Error(pair.First, pair.Second)).Should().BeLessThan(2e-5);
    }

    private static async Task<ICollective[]> ConnectAsync()
    {
        InProcessTransport transport = new();
        ITransportEndpoint[] endpoints = [await transport.OpenAsync(new TransportOptions()), await transport.OpenAsync(new TransportOptions())];
        string[] addresses = [.. endpoints.Select(endpoint => endpoint.Address)];
        return await Task.WhenAll(endpoints.Select((endpoint, rank) => endpoint.ConnectAsync(new GroupDescription
        {
            Epoch = 1,
            Rank = rank,
            Addresses = addresses,
            Deadline = TimeSpan.FromSeconds(20),
        }).AsTask()));
    }
}
