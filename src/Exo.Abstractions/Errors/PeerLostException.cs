namespace Exo.Sdk;

/// <summary>
/// A rank of the group died, hung or became unreachable. Every survivor gets this error within the
/// group's deadline; the group is then dead for good and a new epoch is needed.
/// </summary>
public sealed class PeerLostException : ExoException
{
    /// <summary>Creates the error.</summary>
    /// <param name="lostRank">The rank that is lost.</param>
    /// <param name="reason">How the loss was noticed, for example "connection reset" or "silent for 1500 ms".</param>
    /// <param name="innerException">The error behind it, if any.</param>
    public PeerLostException(int lostRank, string reason, Exception? innerException = null)
        : base($"Rank {lostRank} is lost: {reason}.", innerException)
    {
        LostRank = lostRank;
        Reason = reason;
    }

    /// <summary>The rank that is lost, counted from 0.</summary>
    public int LostRank { get; }

    /// <summary>How the loss was noticed.</summary>
    public string Reason { get; }
}
