namespace Exo.Sdk.Transport.Collectives;

/// <summary>
/// Gathers all ranks' contributions in log₂(n) rounds: in the round of distance d a rank exchanges the d contributions
/// that it holds with the rank whose number differs by d. It makes fewer messages than the direct exchange, but each
/// round waits for the one before. What is gathered is summed afterwards, in rank order: sums of sums would not be.
/// </summary>
/// <param name="group">A power of two of ranks.</param>
/// <param name="limits">How long to wait.</param>
internal sealed class RecursiveDoubling(Membership group, WaitLimits limits)
{
    private byte[] _parts = [];

    /// <summary>Gathers contributions of equal length.</summary>
    /// <param name="operation">What the messages' headers say.</param>
    /// <param name="mine">This rank's contribution.</param>
    /// <returns>All contributions in rank order; valid until the next call.</returns>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="ProtocolException">A rank calls something else.</exception>
    public Span<byte> Gather(Operation operation, ReadOnlySpan<byte> mine)
    {
        int length = mine.Length;
        if (_parts.Length < length * group.Size)
        {
            _parts = GC.AllocateUninitializedArray<byte>(length * group.Size);
        }

        Span<byte> parts = _parts.AsSpan(0, length * group.Size);
        mine.CopyTo(parts[(group.Rank * length)..]);
        for (int distance = 1; distance < group.Size; distance *= 2)
        {
            int peer = group.Rank ^ distance;
            int count = distance * length;
            Span<byte> held = parts.Slice(group.Rank / distance * count, count);
            Span<byte> wanted = parts.Slice(peer / distance * count, count);
            Exchange(operation, length, held, wanted, peer, isFirst: distance == 1);
        }

        return parts;
    }

    private void Exchange(Operation operation, int length, ReadOnlySpan<byte> held, Span<byte> wanted, int peer, bool isFirst)
    {
        MessageLink link = group.Messages[peer]!;
        uint bit = 1u << peer;
        link.BeginSend(operation, length, held.Length);
        link.BeginReceive(operation, length, wanted.Length);
        Patience patience = new(group, limits);
        while (true)
        {
            int moved = link.SendDone ? 0 : link.TrySend(held[(int)link.Sent..]);
            moved += link.ReceiveDone ? 0 : link.TryReceive(wanted[(int)link.Received..]);
            if (link.SendDone && link.ReceiveDone)
            {
                return;
            }

            if (moved > 0)
            {
                patience.Restart();
            }
            else
            {
                // In later rounds a silent peer may itself wait for the one that is lost.
                patience.WaitOrBlame(link.ReceiveDone ? 0 : bit, link.SendDone ? 0 : bit, spoken: isFirst ? 0 : bit);
            }
        }
    }
}
