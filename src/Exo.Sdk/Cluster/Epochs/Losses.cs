namespace Exo.Sdk.Epochs;

/// <summary>Says of a lost rank where it lived.</summary>
internal static class Losses
{
    /// <summary>The error of a lost rank, with its node's name in the reason.</summary>
    /// <param name="nodes">The ranks in order.</param>
    /// <param name="rank">The rank that is lost; another rank may have said so, and anything.</param>
    /// <param name="reason">How it was noticed.</param>
    /// <param name="innerException">The error behind it, if any.</param>
    public static PeerLostException Name(IReadOnlyList<INode> nodes, int rank, string reason, Exception? innerException = null) =>
        new(rank, (uint)rank < (uint)nodes.Count ? $"{nodes[rank].Name}: {reason.TrimEnd('.')}" : reason, innerException);
}
