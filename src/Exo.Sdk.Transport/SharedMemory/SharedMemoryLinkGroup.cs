using System.Numerics;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.SharedMemory;

/// <summary>
/// The links of one rank to other processes of its machine: rings in a memory-mapped file, and beside them the
/// connections by which the ranks met. On the data connections travel single bytes that wake a rank which blocks; the
/// signal connections tell of the end, a killed process's included, as they do over TCP.
/// </summary>
internal sealed class SharedMemoryLinkGroup : RingLinkGroup
{
    private readonly LinkGroup _companions;
    private readonly SharedMemoryFile _file;
    private readonly byte[] _wakes = new byte[64];
    private uint _cut;

    /// <summary>Takes over connections and memory.</summary>
    /// <param name="group">The group.</param>
    /// <param name="companions">Connected links; owned from now on.</param>
    /// <param name="file">The group's memory; owned from now on.</param>
    public SharedMemoryLinkGroup(GroupDescription group, LinkGroup companions, SharedMemoryFile file)
        : base(group.Rank, group.Size, group.Epoch)
    {
        _companions = companions;
        _file = file;
        companions.Enter(); // Until Release, so that the sockets are not closed under a wait.
        for (int peer = 0; peer < Size; peer++)
        {
            if (peer != Rank)
            {
                Readers[peer] = file.Reader(peer, Rank);
                Writers[peer] = file.Writer(Rank, peer);
            }
        }
    }

    /// <inheritdoc/>
    public override void Wait(uint receiveFrom, uint sendTo, int milliseconds)
    {
        uint awaited = (receiveFrom | sendTo) & ~_cut;
        ref int waiting = ref _file.Waiting(Rank);
        Volatile.Write(ref waiting, 1);
        Interlocked.MemoryBarrier();
        _companions.Wait(awaited, 0, IsReady(receiveFrom, sendTo) ? 0 : milliseconds);
        Volatile.Write(ref waiting, 0);
        for (uint rest = awaited; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            _cut |= _companions.TryReceive(peer, _wakes, []) < 0 ? 1u << peer : 0;
        }

        if (_companions.Ending is { } ending)
        {
            End(ending);
        }
    }

    /// <inheritdoc/>
    public override Ending Explain(int peer)
    {
        Ending ending = _companions.Explain(peer);
        return Ending ?? ending;
    }

    /// <inheritdoc/>
    protected override bool IsGone(int peer) => Ending is not null || ((_cut | _companions.Departed) >> peer & 1) != 0;

    /// <inheritdoc/>
    protected override void Nudge(uint peers)
    {
        for (uint rest = peers; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            if (Volatile.Read(ref _file.Waiting(peer)) != 0)
            {
                _companions.TrySend(peer, _wakes.AsSpan(0, 1), []); // Where the connection is full, the peer has bytes to wake by.
            }
        }
    }

    /// <inheritdoc/>
    protected override void Disconnect(Ending ending) => _companions.End(ending);

    /// <inheritdoc/>
    protected override void Release()
    {
        _companions.Exit(finished: true);
        _file.Dispose();
    }
}
