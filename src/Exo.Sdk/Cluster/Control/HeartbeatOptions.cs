namespace Exo.Sdk;

/// <summary>
/// How host and nodes notice that the other side hangs. A closed connection is noticed at once in any case. The host's options hold for
/// both sides of its connections.
/// </summary>
/// <remarks>
/// A machine that does not run for longer than <see cref="Timeout"/> (suspended, stopped in a debugger, swapping) is lost, even if it
/// comes back later: its peers wait for it in the middle of a step meanwhile. Whoever would rather wait sets a longer timeout and
/// learns of a real loss that much later.
/// </remarks>
public sealed record HeartbeatOptions
{
    /// <summary>How often each side says that it lives.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(150);

    /// <summary>How long the other side may be silent before it counts as lost: a node for the host, and the host for its nodes.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(1200);

    internal void Validate()
    {
        if (Interval < TimeSpan.FromMilliseconds(1) || Timeout < Interval * 3 || Timeout > TimeSpan.FromHours(1))
        {
            throw new ConfigurationException(
                $"Heartbeats: interval {Interval}, timeout {Timeout}; the timeout must be at least three intervals and at most an hour.");
        }
    }
}
