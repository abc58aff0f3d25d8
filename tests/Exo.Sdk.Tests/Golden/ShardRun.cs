using System.Runtime.ExceptionServices;
using Exo.Sdk.Cpu;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;
using Exo.Sdk.Transport;

namespace Exo.Sdk.Tests.Golden;

/// <summary>
/// Runs a model divided among ranks of this process, straight on the seams: planner, in-process transport, backend. Each rank has
/// its own thread and opens the weights for itself, as ranks in processes of their own do.
/// </summary>
internal sealed class ShardRun
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder;
    private readonly ModelSpec _spec;
    private readonly ShardOptions _options;
    private readonly IComputeBackend _backend;

    public ShardRun(
        string folder, double[] shares, ActivationPrecision activations = ActivationPrecision.Float32, IComputeBackend? backend = null)
    {
        _folder = folder;
        _backend = backend ?? new CpuBackend();
        _options = new ShardOptions { ContextLength = 96, MaxSequences = 2, MaxBatchTokens = 64, Activations = activations, KeyValues = KeyValuePrecision.Float32 };
        using var weights = SafetensorsWeightSource.Open(folder);
        _spec = ModelSpecReader.Read(folder, weights);
        Plan = new ShardPlanner().Plan(_spec, new PlanRequest
        {
            Devices = [.. shares.Select(static (_, rank) => new DeviceProfile { Name = $"rank-{rank}", AvailableMemory = 1L << 40 })],
            Shares = shares,
            ContextLength = _options.ContextLength,
            MaxSequences = _options.MaxSequences,
            MaxBatchTokens = _options.MaxBatchTokens,
        });
        BytesRead = new long[shares.Length];
    }

    public ShardPlan Plan { get; }

    /// <summary>Bytes of weights that each rank read.</summary>
    public long[] BytesRead { get; }

    /// <summary>Prefills the prompt and feeds the continuation token by token; a row of logits after each of these steps.</summary>
    public float[][] TeacherForced(int[] prompt, int[] continuation)
    {
        var rows = new float[continuation.Length + 1][];
        OnEveryRank(shard =>
        {
            shard.Allocate(0);
            for (int step = 0; step <= continuation.Length; step++)
            {
                int[] tokens = step == 0 ? prompt : [continuation[step - 1]];
                int position = step == 0 ? 0 : prompt.Length + step - 1;
                float[] logits = LogitsOf(shard, 1);
                shard.Forward(new StepBatch(tokens, [new SequenceStep(0, position, tokens.Length, StepLogits.Last)]), logits);
                Keep(shard, rows, step, logits);
            }

            shard.Free(0);
        });
        return rows;
    }

    /// <summary>The likeliest next token, again and again. The tokens are rank 0's choice, which the other ranks are told beforehand.</summary>
    public int[] Greedy(int[] prompt, int[] expected) =>
        [.. TeacherForced(prompt, expected[..^1]).Select(static row => row.AsSpan().IndexOf(row.Max()))];

    /// <summary>Runs a script of the shard's calls on every rank.</summary>
    public void OnEveryRank(Action<IModelShard> script)
    {
        InProcessTransport transport = new();
        ITransportEndpoint[] endpoints = [.. Plan.Ranks.Select(_ => transport.OpenAsync(new TransportOptions()).AsTask().GetAwaiter().GetResult())];
        string[] addresses = [.. endpoints.Select(static endpoint => endpoint.Address)];
        var failures = new Exception?[Plan.WorldSize];
        Thread[] threads = [.. Plan.Ranks.Select((rank, i) => new Thread(() => failures[i] = RunRank(endpoints[i], addresses, i, script)) { IsBackground = true })];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join(Patience).Should().BeTrue("a rank must not hang");
        }

        foreach (ITransportEndpoint endpoint in endpoints)
        {
            endpoint.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        // When one rank fails the others lose it; the cause is what counts.
        Exception? failure = failures.FirstOrDefault(static error => error is not (null or PeerLostException)) ?? failures.FirstOrDefault(static error => error is not null);
        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    public float[] LogitsOf(IModelShard shard, int rows) => shard.Assignment.Rank == 0 ? new float[rows * _spec.VocabularySize] : [];

    private static void Keep(IModelShard shard, float[][] rows, int row, float[] logits)
    {
        if (shard.Assignment.Rank == 0)
        {
            rows[row] = logits;
        }
    }

    private Exception? RunRank(ITransportEndpoint endpoint, string[] addresses, int rank, Action<IModelShard> script)
    {
        try
        {
            using var weights = SafetensorsWeightSource.Open(_folder);
            using ICollective group = endpoint.ConnectAsync(new GroupDescription
            {
                Epoch = 1,
                Rank = rank,
                Addresses = addresses,
                Deadline = Patience,
            }).AsTask().GetAwaiter().GetResult();
            using IModelShard shard = _backend
                .LoadAsync(_spec, Plan.Ranks[rank].Assignment, weights, group, _options).AsTask().GetAwaiter().GetResult();
            BytesRead[rank] = weights.BytesRead;
            script(shard);
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }
}
