namespace Exo.Sdk;

/// <summary>How host and nodes notice that the other side hangs. A closed connection is noticed at once in any case.</summary>
public sealed record HeartbeatOptions
{
    /// <summary>How often each side says that it lives.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(150);

    /// <summary>How long a node may be silent before it counts as lost.</summary>
    public TimeSpan NodeTimeout { get; init; } = TimeSpan.FromMilliseconds(1200);

    /// <summary>How long the host may be silent before its nodes end the session. Longer, so that a host under a debugger keeps its nodes a while.</summary>
    public TimeSpan HostTimeout { get; init; } = TimeSpan.FromSeconds(20);

    internal void Validate()
    {
        if (Interval <= TimeSpan.Zero || NodeTimeout < Interval * 3 || HostTimeout < Interval * 3)
        {
            throw new ConfigurationException(
                $"Heartbeats: interval {Interval}, node timeout {NodeTimeout}, host timeout {HostTimeout}; each timeout must be at least three intervals.");
        }
    }
}
