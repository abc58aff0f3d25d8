using System.Diagnostics;
using System.Text;
using System.Text.Unicode;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.SharedMemory;

/// <summary>
/// Makes rings in shared memory out of authenticated connections: rank 0 makes the file and tells the others where it
/// is, they open it and say so, rank 0 removes its name and lets all begin. Every message has a fixed length.
/// </summary>
internal sealed class SharedMemoryRendezvous
{
    private const int OfferByteCount = SharedMemoryKey.NameByteCount + SharedMemoryKey.TokenByteCount;
    private const int ReplyByteCount = 256;
    private const int SliceMilliseconds = 20;

    private readonly LinkGroup _met;
    private readonly GroupDescription _group;
    private readonly CancellationToken _cancellationToken;
    private readonly long _start = Stopwatch.GetTimestamp();

    private SharedMemoryRendezvous(LinkGroup met, GroupDescription group, CancellationToken cancellationToken)
    {
        _met = met;
        _group = group;
        _cancellationToken = cancellationToken;
    }

    /// <summary>Opens the group's file on all ranks; blocks the calling thread.</summary>
    /// <param name="met">Connected, authenticated links that nothing was sent on; owned by the result.</param>
    /// <param name="group">The group.</param>
    /// <param name="folder">Where the file is.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The links of a group over shared memory.</returns>
    /// <exception cref="UnavailableException">This rank or, on rank 0, another one cannot map the file.</exception>
    /// <exception cref="PeerLostException">A rank gave up or did not answer in time.</exception>
    public static SharedMemoryLinkGroup Run(LinkGroup met, GroupDescription group, string folder, CancellationToken cancellationToken)
    {
        SharedMemoryFile file = new SharedMemoryRendezvous(met, group, cancellationToken).Share(folder);
        try
        {
            return new SharedMemoryLinkGroup(group, met, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private SharedMemoryFile Share(string folder)
    {
        _met.Enter(); // A peer that gives up ends the links; they are not closed before Exit.
        try
        {
            return _group.Rank == 0 ? Offer(folder) : Accept(folder);
        }
        catch (Exception failure)
        {
            _met.End(new Ending(_group.Rank, failure is ExoException ? failure.Message.TrimEnd('.') : "it gave up to connect"));
            throw;
        }
        finally
        {
            _met.Exit(finished: true);
        }
    }

    private SharedMemoryFile Offer(string folder)
    {
        SharedMemoryFile file = SharedMemoryFile.Create(folder, _group.Size);
        try
        {
            try
            {
                byte[] offer = [.. file.Key.Name, .. file.Key.Token];
                byte[] reply = new byte[ReplyByteCount];
                for (int peer = 1; peer < _group.Size; peer++)
                {
                    Send(peer, offer);
                }

                for (int peer = 1; peer < _group.Size; peer++)
                {
                    Receive(peer, reply);
                    if (reply[0] != 0)
                    {
                        string reason = Encoding.UTF8.GetString(reply.AsSpan(1, Math.Min((int)reply[0], ReplyByteCount - 1)));
                        throw new UnavailableException($"Rank {peer} cannot use shared memory: {reason}");
                    }
                }
            }
            finally
            {
                file.Unlink();
            }

            for (int peer = 1; peer < _group.Size; peer++)
            {
                Send(peer, [1]);
            }

            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private SharedMemoryFile Accept(string folder)
    {
        byte[] offer = new byte[OfferByteCount];
        byte[] reply = new byte[ReplyByteCount];
        Receive(0, offer);
        SharedMemoryKey key = new(offer[..SharedMemoryKey.NameByteCount], offer[SharedMemoryKey.NameByteCount..]);
        SharedMemoryFile file;
        try
        {
            file = SharedMemoryFile.Open(folder, key, _group.Size);
        }
        catch (UnavailableException failure)
        {
            Utf8.FromUtf16(failure.Message, reply.AsSpan(1), out _, out int written);
            reply[0] = (byte)written;
            Send(0, reply);
            throw;
        }

        try
        {
            Send(0, reply);
            Receive(0, new byte[1]);
            return file;
        }
        catch
        {
            // Rank 0 removes the name, unless it was killed before it came to that.
            file.Unlink();
            file.Dispose();
            throw;
        }
    }

    private void Send(int peer, ReadOnlySpan<byte> message)
    {
        // A few hundred bytes at most, which a fresh connection always takes.
        if (_met.TrySend(peer, message, []) != message.Length)
        {
            throw _met.Explain(peer).ToException();
        }
    }

    private void Receive(int peer, Span<byte> message)
    {
        while (!message.IsEmpty)
        {
            int received = _met.TryReceive(peer, message, []);
            if (received < 0)
            {
                throw _met.Explain(peer).ToException();
            }

            message = message[received..];
            if (received == 0)
            {
                _cancellationToken.ThrowIfCancellationRequested();
                if (Stopwatch.GetElapsedTime(_start) > _group.ConnectTimeout)
                {
                    throw new PeerLostException(peer, $"it did not open the shared memory within {_group.ConnectTimeout.TotalMilliseconds:F0} ms");
                }

                _met.Wait(1u << peer, 0, SliceMilliseconds);
            }
        }
    }
}
