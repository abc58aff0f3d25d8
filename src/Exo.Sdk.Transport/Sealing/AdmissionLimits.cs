namespace Exo.Sdk.Transport.Sealing;

/// <summary>What connections may take of a <see cref="ProvenListener"/>. Those that have proved themselves have places of their own.</summary>
public sealed record AdmissionLimits
{
    /// <summary>Connections that have not yet proved the secret. At one more, the oldest of the address that holds most gives way.</summary>
    public int MaxUnproven { get; init; } = 128;

    /// <summary>Connections that have proved it and are still open. One more is closed.</summary>
    public int MaxProven { get; init; } = 16;

    /// <summary>How long a connection may take to prove itself.</summary>
    public TimeSpan ProofTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The least time between two reports of refused connections; what comes between is counted.</summary>
    public TimeSpan ReportInterval { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>What a listener refused since it last told.</summary>
/// <param name="Count">Connections.</param>
/// <param name="Peer">The last one's address.</param>
/// <param name="Reason">Why the last one was refused.</param>
public readonly record struct AdmissionReport(long Count, string Peer, string Reason);
