namespace Exo.Benchmarks.Measurement;

/// <summary>What generations in fresh processes showed.</summary>
/// <param name="LoadSeconds">From the plan to a cluster that takes requests: the ranks connect and load their shards.</param>
/// <param name="StartSeconds">The whole start: reading the model's description, starting processes, planning and loading.</param>
/// <param name="Transport">What carries the all-reduces.</param>
/// <param name="Speeds">By workload.</param>
/// <param name="Ranks">Memory by rank, after the last workload.</param>
internal sealed record GenerationResult(
    double LoadSeconds, double StartSeconds, string Transport, IReadOnlyList<GenerationSpeed> Speeds, IReadOnlyList<RankResidence> Ranks);

/// <summary>How fast one workload went.</summary>
/// <param name="Workload">The workload.</param>
/// <param name="Prefill">Prompt tokens a second.</param>
/// <param name="Decode">Tokens a second after the first; 0 where there was only one.</param>
internal sealed record GenerationSpeed(Workload Workload, double Prefill, double Decode);

/// <summary>Memory of one rank, in bytes.</summary>
/// <param name="Planned">Weights of its shard, as stored.</param>
/// <param name="Growth">How far its process grew from before loading to after the generation.</param>
/// <param name="KeyValuesAndBuffers">What of that the shard accounts for beside weights.</param>
internal sealed record RankResidence(long Planned, long Growth, long KeyValuesAndBuffers)
{
    /// <summary>What the process grew by beside KV cache and step buffers.</summary>
    public long Weights => Growth - KeyValuesAndBuffers;

    /// <summary>What the process takes for each byte of the shard, KV cache and step buffers aside.</summary>
    public double Overhead => Weights / (double)Planned;

    /// <summary>
    /// Fits a line through weights held against weights planned, by least squares: what every process takes whichever its shard
    /// (the runtime's libraries and compiled code), and what each byte of the shard costs.
    /// </summary>
    public static (double Fixed, double PerByte) Fit(IReadOnlyCollection<RankResidence> ranks)
    {
        double planned = ranks.Average(static rank => (double)rank.Planned);
        double held = ranks.Average(static rank => (double)rank.Weights);
        double slope = ranks.Sum(rank => (rank.Planned - planned) * (rank.Weights - held))
            / ranks.Sum(rank => (rank.Planned - planned) * (rank.Planned - planned));
        return (held - (slope * planned), slope);
    }
}
