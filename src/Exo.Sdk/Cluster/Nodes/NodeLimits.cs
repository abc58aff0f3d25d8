namespace Exo.Sdk;

/// <summary>
/// The most that a host may ask of a node. A host holds the cluster's key, but that does not make it the node's master: an order beyond
/// these limits is refused before anything of it is done.
/// </summary>
public sealed record NodeLimits
{
    /// <summary>Ranks of a group.</summary>
    public int MaxRanks { get; init; } = 256;

    /// <summary>Compute threads; the processors of the machine by default.</summary>
    public int MaxThreads { get; init; } = Environment.ProcessorCount;

    /// <summary>Sequences that are open at a time.</summary>
    public int MaxSequences { get; init; } = 1024;

    /// <summary>Tokens of one step.</summary>
    public int MaxBatchTokens { get; init; } = 65_536;

    /// <summary>Tokens of one sequence; the model's own limit holds as well.</summary>
    public int MaxContextLength { get; init; } = 4 * 1024 * 1024;

    /// <summary>Bytes of a shard: weights, keys and values, step buffers. What the machine has by default.</summary>
    public long MaxMemory { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>How long a collective may wait for a peer.</summary>
    public TimeSpan MaxDeadline { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the ranks may take to connect.</summary>
    public TimeSpan MaxConnectTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long the host may be silent; see <see cref="HeartbeatOptions.Timeout"/>.</summary>
    public TimeSpan MaxSilence { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>For a child process, whose host is its own program.</summary>
    internal static NodeLimits OfChild { get; } = new()
    {
        MaxThreads = 4096,
        MaxSequences = 1 << 20,
        MaxBatchTokens = 1 << 20,
        MaxMemory = long.MaxValue,
        MaxDeadline = TimeSpan.FromDays(1),
        MaxConnectTimeout = TimeSpan.FromDays(1),
        MaxSilence = TimeSpan.FromDays(1),
    };

    internal void Validate()
    {
        if (MaxRanks < 1 || MaxThreads < 1 || MaxSequences < 1 || MaxBatchTokens < 1 || MaxContextLength < 1 || MaxMemory < 1
            || MaxDeadline <= TimeSpan.Zero || MaxConnectTimeout <= TimeSpan.Zero || MaxSilence <= TimeSpan.Zero)
        {
            throw new ConfigurationException($"Every limit of a node must be positive: {this}.");
        }
    }
}
