using System.Text.Json;
using Exo.Sdk;
using Exo.Sdk.Cpu;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;
using Exo.Sdk.Transport;

namespace Exo.Benchmarks.Measurement;

/// <summary>Managed bytes that decoding one more token allocates.</summary>
/// <param name="RankThreads">On each rank's own thread: its step, the collectives, on rank 0 scheduling and sampling too.</param>
/// <param name="Process">In a process with all ranks and a caller who reads the stream of tokens.</param>
internal sealed record Allocations(IReadOnlyList<double> RankThreads, double Process);

/// <summary>
/// Counts allocations of two ranks that are connected as processes are but live on threads of one process, where they can be counted.
/// What a token costs is the difference between a long and a short generation, so that the cost of a generation itself is left out.
/// The model must write well-formed text: a random one spells broken UTF-8, for which the runtime's decoder allocates.
/// </summary>
internal static class AllocationRun
{
    private const int Short = 150;
    private const int Long = 450;

    /// <summary>Counts in a process of its own.</summary>
    public static async Task<Allocations> MeasureAsync(string folder, CancellationToken cancellationToken) =>
        JsonSerializer.Deserialize<Allocations>(await SelfProcess.RunAsync(cancellationToken, "measure", "allocations", folder))!;

    /// <summary>Counts here.</summary>
    public static async Task<Allocations> RunAsync(string folder, CancellationToken cancellationToken)
    {
        CountingBackend backend = new(new CpuBackend());
        await using Cluster cluster = await GenerationRun.Builder(folder, new Configuration(2, 1))
            .UseLocalRanks(2, RankHosting.InProcess)
            .UseTransport(new SharedMemoryTransport())
            .UseBackend(backend)
            .UseContextLength(512)
            .BuildAsync(cancellationToken);
        await GenerationRun.WarmUpAsync(cluster, cancellationToken);

        // The text of a piece is made when it first comes.
        await GenerationRun.GenerateAsync(cluster, new Workload(8, Long), cancellationToken);
        (double[] threads, double process) few = await CountAsync(cluster, backend, Short, cancellationToken);
        (double[] threads, double process) many = await CountAsync(cluster, backend, Long, cancellationToken);
        return new Allocations(
            [.. many.threads.Zip(few.threads, static (more, less) => (more - less) / (Long - Short))], (many.process - few.process) / (Long - Short));
    }

    private static async Task<(double[] Threads, double Process)> CountAsync(
        Cluster cluster, CountingBackend backend, int tokens, CancellationToken cancellationToken)
    {
        Array.ForEach(backend.Shards, static shard => shard.Reset());
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await GenerationRun.GenerateAsync(cluster, new Workload(8, tokens), cancellationToken);
        long after = GC.GetTotalAllocatedBytes(precise: true);
        return ([.. backend.Shards.Select(static shard => (double)shard.Allocated)], after - before);
    }

    /// <summary>Another backend whose shards count.</summary>
    private sealed class CountingBackend(IComputeBackend inner) : IComputeBackend
    {
        private readonly List<CountingShard> _shards = [];

        public CountingShard[] Shards
        {
            get
            {
                lock (_shards)
                {
                    return [.. _shards.OrderBy(static shard => shard.Assignment.Rank)];
                }
            }
        }

        public string Name => inner.Name;

        public Availability Probe() => inner.Probe();

        public Availability Supports(ModelSpec spec) => inner.Supports(spec);

        public KeyValuePrecision KeyValuesFor(KeyValuePrecision asked) => inner.KeyValuesFor(asked);

        public async ValueTask<IModelShard> LoadAsync(
            ModelSpec spec,
            ShardAssignment assignment,
            WeightSource weights,
            ICollective group,
            ShardOptions options,
            IProgress<LoadProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            CountingShard shard = new(await inner.LoadAsync(spec, assignment, weights, group, options, progress, cancellationToken));
            lock (_shards)
            {
                _shards.Add(shard);
            }

            return shard;
        }
    }

    /// <summary>Another shard, and what its thread has allocated from the first step's begin to the last one's.</summary>
    private sealed class CountingShard(IModelShard inner) : IModelShard
    {
        private long _first = -1;
        private long _last;

        public long Allocated => Volatile.Read(ref _last) - Volatile.Read(ref _first);

        public ShardAssignment Assignment => inner.Assignment;

        public ShardMemory Memory => inner.Memory;

        public void Reset() => Volatile.Write(ref _first, -1);

        public void Allocate(int slot) => inner.Allocate(slot);

        public void Fork(int source, int target) => inner.Fork(source, target);

        public void Truncate(int slot, int length) => inner.Truncate(slot, length);

        public void Free(int slot) => inner.Free(slot);

        public void Forward(in StepBatch batch, Span<float> logits)
        {
            Volatile.Write(ref _last, GC.GetAllocatedBytesForCurrentThread());
            if (_first < 0)
            {
                Volatile.Write(ref _first, _last);
            }

            inner.Forward(batch, logits);
        }

        public void Dispose() => inner.Dispose();
    }
}
