using System.Diagnostics;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Rdma.Connecting;

/// <summary>
/// Messages of fixed size with all peers over the TCP links that the group met on, with a deadline. All that is sent in
/// the whole exchange fits into a connection's buffers, so sending never waits for a peer that is sending itself.
/// </summary>
internal sealed class SideChannel(LinkGroup links, GroupDescription group, CancellationToken cancellationToken)
{
    private const int SliceMilliseconds = 20;
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Sends each peer its message and receives one of the same length from each.</summary>
    /// <param name="messages">By rank; none at this rank.</param>
    /// <returns>What the peers sent, by rank.</returns>
    /// <exception cref="PeerLostException">A peer is gone or too slow.</exception>
    public byte[][] Swap(byte[][] messages)
    {
        Send(messages);
        byte[][] received = [.. messages.Select(message => new byte[message.Length])];
        int[] at = new int[group.Size];
        while (Missing(received, at) is var missing && missing >= 0)
        {
            if (TryReceive(received, at) == 0)
            {
                Pause(missing, Waiting(received, at), SliceMilliseconds);
            }
        }

        return received;
    }

    /// <summary>Sends each peer its message.</summary>
    /// <param name="messages">By rank; none at this rank.</param>
    public void Send(byte[][] messages)
    {
        for (int peer = 0; peer < group.Size; peer++)
        {
            for (int sent = 0; peer != group.Rank && sent < messages[peer].Length;)
            {
                int moved = links.TrySend(peer, [], messages[peer].AsSpan(sent));
                Require(moved, peer);
                sent += moved;
                if (moved == 0)
                {
                    Pause(peer, 0, 1);
                }
            }
        }
    }

    /// <summary>Receives what is there.</summary>
    /// <param name="messages">What to fill, by rank.</param>
    /// <param name="at">How far each is filled.</param>
    /// <returns>The bytes received.</returns>
    public int TryReceive(byte[][] messages, int[] at)
    {
        int total = 0;
        for (int peer = 0; peer < group.Size; peer++)
        {
            if (peer != group.Rank && at[peer] < messages[peer].Length)
            {
                int moved = links.TryReceive(peer, [], messages[peer].AsSpan(at[peer]));
                Require(moved, peer);
                at[peer] += moved;
                total += moved;
            }
        }

        return total;
    }

    /// <summary>Waits a little for the side channel.</summary>
    /// <param name="blamed">The rank to name when time is up.</param>
    /// <param name="receiveFrom">One bit per rank whose bytes end the wait.</param>
    /// <param name="milliseconds">The longest time.</param>
    /// <param name="phase">What is being waited for.</param>
    /// <exception cref="PeerLostException">Time is up, or a rank is lost.</exception>
    public void Pause(int blamed, uint receiveFrom, int milliseconds, string phase = "it did not exchange queue pairs")
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Stopwatch.GetElapsedTime(_start) > group.ConnectTimeout)
        {
            throw new PeerLostException(blamed, $"{phase} within {group.ConnectTimeout.TotalMilliseconds:F0} ms");
        }

        links.Wait(receiveFrom, 0, milliseconds);
        if (links.Ending is not null)
        {
            links.ThrowEnded();
        }
    }

    private int Missing(byte[][] messages, int[] at)
    {
        for (int peer = 0; peer < group.Size; peer++)
        {
            if (peer != group.Rank && at[peer] < messages[peer].Length)
            {
                return peer;
            }
        }

        return -1;
    }

    private uint Waiting(byte[][] messages, int[] at)
    {
        uint ranks = 0;
        for (int peer = 0; peer < group.Size; peer++)
        {
            ranks |= peer != group.Rank && at[peer] < messages[peer].Length ? 1u << peer : 0;
        }

        return ranks;
    }

    private void Require(int moved, int peer)
    {
        if (moved == LinkGroup.Closed)
        {
            links.End(links.Explain(peer));
            links.ThrowEnded();
        }
    }
}
