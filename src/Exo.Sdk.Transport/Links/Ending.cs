namespace Exo.Sdk.Transport.Links;

/// <summary>Why a group ended. A group ends once; whoever says so first is believed.</summary>
/// <param name="LostRank">The rank that is lost; this rank itself where it was disposed or given up by others.</param>
/// <param name="Reason">How that was noticed, as a phrase.</param>
/// <param name="IsDisposal">Whether this rank left the group in good order.</param>
public sealed record Ending(int LostRank, string Reason, bool IsDisposal = false)
{
    /// <summary>What operations throw from now on.</summary>
    /// <returns>A new exception.</returns>
    public Exception ToException() => IsDisposal
        ? new ObjectDisposedException(nameof(ICollective), Reason)
        : new PeerLostException(LostRank, Reason);
}
