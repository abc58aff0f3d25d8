namespace Exo.Sdk.Testing.Conformance;

/// <summary>How far the checks of transports and of their collectives go, and what they wait for.</summary>
public sealed record TransportConformanceOptions
{
    /// <summary>The sizes of the groups that are made.</summary>
    public IReadOnlyList<int> GroupSizes { get; init; } = [1, 2, 3, 5];

    /// <summary>The longest message in bytes; more than a transport holds in its buffers, so that ranks must take turns.</summary>
    public int LargestMessageBytes { get; init; } = 16 << 20;

    /// <summary>How soon a rank must notice that another one left or was aborted, and that a connect is canceled.</summary>
    public TimeSpan NoticeWithin { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long anything else may take before it counts as hanging.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The most bytes that one operation may allocate on the managed heap once it is warm.</summary>
    public int AllocatedBytesPerOperation { get; init; }
}
