namespace Exo.Sdk.Planning;

/// <summary>What a plan is asked for.</summary>
public sealed record PlanRequest
{
    /// <summary>The machines, one for each rank, in rank order.</summary>
    public required IReadOnlyList<DeviceProfile> Devices { get; init; }

    /// <summary>
    /// The load of each rank in proportion to the others, for example 3 and 1; each &gt; 0. Null leaves it to the planner: in
    /// proportion to <see cref="DeviceProfile.MemoryBandwidth"/> where every machine was measured, equal otherwise.
    /// </summary>
    public IReadOnlyList<double>? Shares { get; init; }

    /// <summary>The most tokens one sequence may hold, prompt included. More than the model was made for is lowered to that.</summary>
    public int ContextLength { get; init; } = 2048;

    /// <summary>Sequences that may be open at a time.</summary>
    public int MaxSequences { get; init; } = 4;

    /// <summary>The most tokens in one step over all its sequences.</summary>
    public int MaxBatchTokens { get; init; } = 256;

    /// <summary>How keys and values are held.</summary>
    public KeyValuePrecision KeyValues { get; init; } = KeyValuePrecision.Float16;

    /// <summary>Whether caches that only reach back a window are held no longer than that; see <see cref="IComputeBackend.BoundsWindows"/>.</summary>
    public bool BoundsWindows { get; init; }
}
