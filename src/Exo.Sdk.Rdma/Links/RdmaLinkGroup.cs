using System.Diagnostics;
using System.Numerics;
using Exo.Sdk.Rdma.Native;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Rdma.Links;

/// <summary>
/// The links of one rank over queue pairs. The TCP links that the group met on stay beside them: a peer's death and the
/// reason of an ending arrive there. A thread of its own tends the pairs while no operation runs: it repeats what was
/// lost and reports what arrived, so that a peer need not wait for this rank's next operation.
/// </summary>
internal sealed class RdmaLinkGroup : LinkGroup
{
    private const int LongestSleepMilliseconds = 20;
    private const int LingerMilliseconds = 2000;
    private const int JoinMilliseconds = 2500;

    private static readonly long IdleTicks = Stopwatch.Frequency / 500; // 2 ms
    private static readonly long RecentTicks = Stopwatch.Frequency / 5;

    private readonly Lock _gate = new();
    private readonly LinkGroup _side;
    private readonly List<LinkDevice> _devices;
    private readonly PeerLink?[] _links;
    private readonly EventPoll.Entry[] _events;
    private readonly object _alarm = new();
    private readonly Thread? _caretaker;
    private uint _departed;
    private long _lastUse = Stopwatch.GetTimestamp();
    private volatile bool _releasing;

    /// <summary>Takes over connected pairs.</summary>
    /// <param name="group">The group.</param>
    /// <param name="side">The TCP links.</param>
    /// <param name="devices">The devices.</param>
    /// <param name="links">The pair to each rank; none at this rank.</param>
    public RdmaLinkGroup(GroupDescription group, LinkGroup side, List<LinkDevice> devices, PeerLink?[] links)
        : base(group.Rank, group.Size, group.Epoch)
    {
        _side = side;
        _devices = devices;
        _links = links;
        _events = [.. devices.Where(device => device.Queue.EventDescriptor >= 0).Select(device =>
            EventPoll.For(device.Queue.EventDescriptor))];
        if (devices.Count > 0)
        {
            _caretaker = new Thread(Care) { IsBackground = true, Name = $"exo rdma {group.Rank}" };
            _caretaker.Start();
        }
    }

    /// <summary>The pair to each rank; none at this rank. For tests.</summary>
    internal IReadOnlyList<PeerLink?> Links => _links;

    /// <inheritdoc/>
    /// <remarks>Ranks that share a machine still meet on their devices; nothing is gained by treating them in another way.</remarks>
    public override bool IsOneMachine => false;

    /// <inheritdoc/>
    public override int TrySend(int peer, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        lock (_gate)
        {
            PeerLink link = _links[peer]!;
            if (!link.HasRoom)
            {
                Advance(flush: false);
            }

            if (Ending is not null || _releasing || HasDeparted(peer))
            {
                return Closed;
            }

            int sent = link.Send(head, body);
            if (link.Failure is null)
            {
                return sent;
            }

            Advance(flush: false); // For the completion that says why.
            return Closed;
        }
    }

    /// <inheritdoc/>
    public override int TryReceive(int peer, Span<byte> head, Span<byte> body)
    {
        lock (_gate)
        {
            PeerLink link = _links[peer]!;
            if (Ending is not null || _releasing)
            {
                return Closed;
            }

            // Whether the peer has left is read first: what it sent before it left is in the slots by then.
            bool departed = HasDeparted(peer);
            if (!link.HasBytes)
            {
                Advance(flush: false);
            }

            int received = link.Read(head, body);
            if (received > 0)
            {
                link.Tend(flush: false);
                return received;
            }

            return Ending is not null || departed || link.Failure is not null ? Closed : 0;
        }
    }

    /// <inheritdoc/>
    public override int Peek(int peer)
    {
        lock (_gate)
        {
            if (Ending is not null || _releasing)
            {
                return Closed;
            }

            bool departed = HasDeparted(peer);
            PeerLink link = _links[peer]!;
            Advance(flush: false);
            return link.HasBytes ? 1 : Ending is not null || departed || link.Failure is not null ? Closed : 0;
        }
    }

    /// <inheritdoc/>
    public override void Wait(uint receiveFrom, uint sendTo, int milliseconds)
    {
        if (milliseconds > 0)
        {
            lock (_gate)
            {
                if (_releasing)
                {
                    return;
                }

                _devices.ForEach(device => device.Arm());
                Advance(flush: true); // After arming, so that nothing slips in between.
            }

            if (Ending is not null || IsReady(receiveFrom, sendTo))
            {
                return;
            }

            Sleep(Math.Min(milliseconds, LongestSleepMilliseconds));
        }

        Listen(receiveFrom | sendTo);
        lock (_gate)
        {
            if (!_releasing)
            {
                _devices.ForEach(device => device.ReadNews());
                Advance(flush: false);
            }
        }
    }

    /// <inheritdoc/>
    public override Ending Explain(int peer)
    {
        if (Ending is { } ending)
        {
            return ending;
        }

        // A peer that left or died breaks its pair too; the better explanation comes over TCP.
        if (TryEnterSide())
        {
            try
            {
                Ending told = _side.Explain(peer);
                if (_side.Ending is not null || _side.Peek(peer) == Closed)
                {
                    return told;
                }
            }
            finally
            {
                _side.Exit(finished: true);
            }
        }

        return Ending ?? _side.Ending ?? new Ending(
            peer, $"the queue pair over {_links[peer]!.DeviceName} failed: {_links[peer]!.Failure ?? "it was closed"}");
    }

    /// <inheritdoc/>
    protected override void Disconnect(Ending ending)
    {
        // A goodbye waits until the peers have what was sent before it; see Care.
        if (!ending.IsDisposal || _caretaker is null)
        {
            _side.End(ending);
        }
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        lock (_alarm)
        {
            _releasing = true;
            Monitor.Pulse(_alarm);
        }

        if (_caretaker is null)
        {
            _side.End(Ending!);
        }
        else if (Thread.CurrentThread != _caretaker)
        {
            _caretaker.Join(JoinMilliseconds);
        }
    }

    /// <summary>Moves what can be moved on all pairs, as part of an operation. The gate is held.</summary>
    private void Advance(bool flush)
    {
        Volatile.Write(ref _lastUse, Stopwatch.GetTimestamp());
        Move(flush);
    }

    private void Move(bool flush)
    {
        foreach (LinkDevice device in _devices)
        {
            device.Poll(_links);
            if (device.Failure is not null)
            {
                End(new Ending(Rank, $"its RDMA device {device.Name} failed: {device.Failure}"));
            }
        }

        foreach (PeerLink? link in _links)
        {
            link?.Tend(flush);
            if (link is { IsPeersFault: true })
            {
                End(new Ending(link.Peer, $"the queue pair over {link.DeviceName} brought nonsense: {link.Failure}"));
            }
        }
    }

    private bool HasDeparted(int peer) => (_departed >> peer & 1) != 0;

    private bool IsReady(uint receiveFrom, uint sendTo)
    {
        lock (_gate)
        {
            for (uint rest = receiveFrom | sendTo; rest != 0; rest &= rest - 1)
            {
                int peer = BitOperations.TrailingZeroCount(rest);
                if (((receiveFrom >> peer & 1) != 0 && _links[peer]!.HasBytes) || ((sendTo >> peer & 1) != 0 && _links[peer]!.HasRoom))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private void Sleep(int milliseconds)
    {
        bool waiting = Array.Exists(_links, link => link is { IsWaiting: true });
        if (_events.Length == 0)
        {
            Thread.Sleep(1); // A library without events: look again soon.
        }
        else
        {
            EventPoll.Wait(_events, waiting ? Math.Min(milliseconds, 2) : milliseconds);
        }
    }

    /// <summary>Takes what the peers say over TCP: that a rank is lost, or that one left in good order.</summary>
    private void Listen(uint peers)
    {
        if (TryEnterSide())
        {
            try
            {
                _side.Wait(0, 0, 0);
                for (uint rest = peers & ~_departed; rest != 0 && _side.Ending is null; rest &= rest - 1)
                {
                    int peer = BitOperations.TrailingZeroCount(rest);
                    _departed |= _side.Peek(peer) == Closed ? 1u << peer : 0;
                }
            }
            finally
            {
                _side.Exit(finished: true);
            }
        }

        if (_side.Ending is { } told)
        {
            End(told);
        }
    }

    /// <summary>The TCP links may be ended by any thread; inside, their handles stay open.</summary>
    private bool TryEnterSide()
    {
        try
        {
            if (_side.Ending is null)
            {
                _side.Enter();
                return true;
            }
        }
        catch (Exception ended) when (ended is ExoException or ObjectDisposedException)
        {
            // It ended in between.
        }

        return false;
    }

    /// <summary>The caretaker's life: tend the pairs between operations; at the end see that the peers have everything.</summary>
    private void Care()
    {
        while (!_releasing)
        {
            bool busy = Stopwatch.GetTimestamp() - Volatile.Read(ref _lastUse) < RecentTicks;
            lock (_alarm)
            {
                _ = _releasing || Monitor.Wait(_alarm, busy ? 2 : LongestSleepMilliseconds);
            }

            if (_releasing || !_gate.TryEnter())
            {
                continue;
            }

            try
            {
                if (Ending is null && Stopwatch.GetTimestamp() - _lastUse > IdleTicks)
                {
                    Move(flush: true);
                }
            }
            finally
            {
                _gate.Exit();
            }
        }

        if (Ending is { IsDisposal: true } goodbye)
        {
            Linger();
            _side.End(goodbye);
        }

        lock (_gate)
        {
            LinkDevice.CloseAll(_devices, _links);
        }
    }

    /// <summary>Waits, not for long, until the peers have all that was sent.</summary>
    private void Linger()
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < LingerMilliseconds)
        {
            bool open = false;
            lock (_gate)
            {
                foreach (LinkDevice device in _devices)
                {
                    device.Poll(_links);
                }

                foreach (PeerLink? link in _links)
                {
                    link?.Tend(flush: true);
                    open |= link is { IsSettled: false, Failure: null } && !HasDeparted(link.Peer);
                }
            }

            if (!open)
            {
                return;
            }

            Listen(uint.MaxValue >> (32 - Size) & ~(1u << Rank));
            if (_side.Ending is not null)
            {
                return;
            }

            Sleep(1);
        }
    }
}
