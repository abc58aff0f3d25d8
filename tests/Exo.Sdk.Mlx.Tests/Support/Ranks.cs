using System.Runtime.ExceptionServices;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;
using Exo.Sdk.Transport;

namespace Exo.Sdk.Mlx.Tests.Support;

/// <summary>The ranks of a model as threads of this process, joined by the cluster's own TCP transport.</summary>
internal static class Ranks
{
    public static readonly ShardOptions Options = new() { ContextLength = 600, MaxSequences = 3, MaxBatchTokens = 64 };

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>The whole model on one rank.</summary>
    public static ShardAssignment Whole(ModelSpec spec) => new()
    {
        Rank = 0,
        WorldSize = 1,
        QueryHeads = IndexRange.All(spec.CountOf(SplitUnit.QueryHead)),
        KeyValueHeads = IndexRange.All(spec.CountOf(SplitUnit.KeyValueHead)),
        Channels = IndexRange.All(spec.CountOf(SplitUnit.Channel)),
        Tokens = IndexRange.All(spec.VocabularySize),
    };

    /// <summary>A division of a model as the planner makes it.</summary>
    public static ShardAssignment[] Divide(ModelSpec spec, params double[] shares) => [.. new ShardPlanner().Plan(spec, new PlanRequest
    {
        Devices = [.. shares.Select(static (_, rank) => new DeviceProfile { Name = $"rank-{rank}", AvailableMemory = 1L << 40 })],
        Shares = shares,
        ContextLength = Options.ContextLength,
        MaxSequences = Options.MaxSequences,
        MaxBatchTokens = Options.MaxBatchTokens,
    }).Ranks.Select(rank => rank.Assignment)];

    public static IModelShard Load(IComputeBackend backend, ModelSpec spec, WeightSource weights) =>
        backend.LoadAsync(spec, Whole(spec), weights, new LoneGroup(), Options).AsTask().GetAwaiter().GetResult();

    /// <summary>Loads every rank and runs the same script on each.</summary>
    public static void Run(ModelSpec spec, ShardAssignment[] assignments, Func<WeightSource> open, Action<IModelShard> script, MlxBackend? backend = null)
    {
        if (assignments.Length == 1)
        {
            using WeightSource weights = open();
            using IModelShard shard = Load(backend ?? new MlxBackend(), spec, weights);
            script(shard);
            return;
        }

        TcpTransport transport = new();
        ITransportEndpoint[] endpoints = [.. assignments.Select(_ => transport.OpenAsync(new TransportOptions()).AsTask().GetAwaiter().GetResult())];
        string[] addresses = [.. endpoints.Select(static endpoint => endpoint.Address)];
        var failures = new Exception?[assignments.Length];
        Thread[] threads = [.. assignments.Select((assignment, rank) => new Thread(() => failures[rank] = RunRank(rank)) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join(Patience * 2).Should().BeTrue("a rank must not hang"));
        Array.ForEach(endpoints, endpoint => endpoint.DisposeAsync().AsTask().GetAwaiter().GetResult());

        // When one rank fails the others lose it; the cause is what counts.
        Exception? failure = failures.FirstOrDefault(static error => error is not (null or PeerLostException)) ?? failures.FirstOrDefault(static error => error is not null);
        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        Exception? RunRank(int rank)
        {
            try
            {
                using WeightSource weights = open();
                using ICollective group = endpoints[rank].ConnectAsync(new GroupDescription
                {
                    Epoch = 1,
                    Rank = rank,
                    Addresses = addresses,
                    Deadline = Patience,
                }).AsTask().GetAwaiter().GetResult();
                using IModelShard shard = (backend ?? new MlxBackend())
                    .LoadAsync(spec, assignments[rank], weights, group, Options).AsTask().GetAwaiter().GetResult();
                script(shard);
                return null;
            }
            catch (Exception error)
            {
                return error;
            }
        }
    }

    /// <summary>Prefills the prompt and feeds the continuation token by token; rank 0's row of logits after each of these steps.</summary>
    public static float[][] TeacherForced(IModelShard shard, int vocabularySize, int[] prompt, int[] continuation)
    {
        var rows = new float[continuation.Length + 1][];
        shard.Allocate(0);
        for (int step = 0; step <= continuation.Length; step++)
        {
            int[] tokens = step == 0 ? prompt : [continuation[step - 1]];
            int position = step == 0 ? 0 : prompt.Length + step - 1;
            rows[step] = shard.Assignment.Rank == 0 ? new float[vocabularySize] : [];
            shard.Forward(new StepBatch(tokens, [new SequenceStep(0, position, tokens.Length, StepLogits.Last)]), rows[step]);
        }

        shard.Free(0);
        return rows;
    }
}
