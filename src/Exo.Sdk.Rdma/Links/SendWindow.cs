using System.Diagnostics;

namespace Exo.Sdk.Rdma.Links;

/// <summary>
/// The data messages sent to one peer that it may not have taken yet: how many more may go out, and which are lost.
/// Numbers wrap at 2³² and are compared by their difference.
/// </summary>
/// <remarks>
/// Two windows apply. The data window: a message may go out when its number is less than depth above what the peer has
/// consumed. The receive window: transmissions that the peer has not accounted for never exceed the receives that it
/// keeps posted. On an unreliable pair a message is lost when a later transmission has arrived and it has not, or when
/// nothing has been heard of it for a while; then, from the same slot, it is sent again.
/// </remarks>
internal sealed class SendWindow
{
    private static readonly long LeastPatience = Stopwatch.Frequency / 200; // 5 ms
    private static readonly long MostPatience = Stopwatch.Frequency / 5;

    private readonly Slot[] _slots;
    private readonly int _receives;
    private readonly bool _lossy;
    private bool _reported;
    private long _patience = Stopwatch.Frequency / 50;
    private long _roundTrip;

    /// <summary>Starts empty.</summary>
    /// <param name="depth">Messages that may be under way.</param>
    /// <param name="receives">Receives that the peer keeps posted.</param>
    /// <param name="lossy">Whether messages can be lost.</param>
    public SendWindow(int depth, int receives, bool lossy)
    {
        _slots = new Slot[depth];
        _receives = receives;
        _lossy = lossy;
    }

    /// <summary>The number of the next data message.</summary>
    public uint Next { get; private set; }

    /// <summary>All before this number have arrived.</summary>
    public uint Acknowledged { get; private set; }

    /// <summary>All before this number have been taken by the peer's collective.</summary>
    public uint Consumed { get; private set; }

    /// <summary>The number of the next transmission.</summary>
    public uint NextTransmission { get; private set; }

    /// <summary>One more than the highest transmission that the peer has seen.</summary>
    public uint Seen { get; private set; }

    /// <summary>How many messages were sent again.</summary>
    public long Repeated { get; private set; }

    /// <summary>Whether all data messages have arrived.</summary>
    public bool IsSettled => Acknowledged == Next;

    /// <summary>Whether one more data message may go out.</summary>
    public bool HasRoom => (int)(Next - Consumed) < _slots.Length
        && _slots[Next % (uint)_slots.Length].Open == 0
        && (int)(NextTransmission - Seen) < _receives - 4;

    /// <summary>Whether one more report may go out; a few receives are kept for those.</summary>
    public bool HasRoomForReport => (int)(NextTransmission - Seen) < _receives;

    /// <summary>Takes the next slot for a message, which goes out now.</summary>
    /// <param name="now">The time, in ticks of <see cref="Stopwatch"/>.</param>
    /// <param name="transmission">The transmission's number.</param>
    /// <returns>The slot.</returns>
    public int Send(long now, out uint transmission)
    {
        int slot = (int)(Next % (uint)_slots.Length);
        transmission = NextTransmission++;
        _slots[slot] = new Slot { Sequence = Next++, Transmission = transmission, SentAt = now, Open = 1 };
        return slot;
    }

    /// <summary>Notes that a message goes out again.</summary>
    /// <param name="slot">Its slot.</param>
    /// <param name="now">The time.</param>
    /// <param name="transmission">The transmission's number.</param>
    public void Repeat(int slot, long now, out uint transmission)
    {
        ref Slot entry = ref _slots[slot];
        transmission = NextTransmission++;
        entry.Transmission = transmission;
        entry.SentAt = now;
        entry.IsRepeated = true;
        entry.Open++;
        Repeated++;
    }

    /// <summary>Takes a transmission number for a report.</summary>
    /// <returns>The number.</returns>
    public uint SendReport() => NextTransmission++;

    /// <summary>Notes that the device is done with a transmission from a slot.</summary>
    /// <param name="slot">The slot.</param>
    /// <returns>Whether one was open.</returns>
    public bool Complete(int slot) => (uint)slot < (uint)_slots.Length && --_slots[slot].Open >= 0;

    /// <summary>Whether a transmission from any slot is with the device.</summary>
    /// <returns>Whether one is.</returns>
    public bool HasOpen()
    {
        foreach (Slot slot in _slots)
        {
            if (slot.Open > 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes the peer's report. Reports may come late and in any order; an old one changes nothing.</summary>
    /// <param name="report">The header that it came in.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether it can be true.</returns>
    public bool Take(in SlotHeader report, long now)
    {
        if ((int)(report.Acknowledged - Next) > 0
            || (int)(report.Seen - NextTransmission) > 0
            || (int)(report.Consumed - report.Acknowledged) > 0)
        {
            return false;
        }

        if ((int)(report.Seen - Seen) > 0)
        {
            Seen = report.Seen;
            _reported = true;
        }

        if ((int)(report.Consumed - Consumed) > 0)
        {
            Consumed = report.Consumed;
        }

        if ((int)(report.Acknowledged - Acknowledged) > 0)
        {
            Measure(report.Acknowledged - 1, now);
            Acknowledged = report.Acknowledged;
        }

        if ((report.ArrivedLow | report.ArrivedHigh) != 0)
        {
            NoteArrived(report.Acknowledged, report.ArrivedLow);
            NoteArrived(report.Acknowledged + 64, report.ArrivedHigh);
        }

        return true;
    }

    /// <summary>Finds a message to send again.</summary>
    /// <param name="now">The time.</param>
    /// <returns>Its slot, or −1.</returns>
    public int FindLost(long now)
    {
        if (!_lossy || IsSettled)
        {
            return -1;
        }

        if (_reported)
        {
            for (uint number = Acknowledged; number != Next; number++)
            {
                ref Slot slot = ref _slots[number % (uint)_slots.Length];
                if (!slot.HasArrived && slot.Open == 0 && (int)(Seen - slot.Transmission) > 0)
                {
                    return (int)(number % (uint)_slots.Length);
                }
            }

            _reported = false; // Nothing can turn out lost this way before the next report.
        }

        // The oldest one only: what the peer reports when it comes tells of the others.
        ref Slot oldest = ref _slots[Acknowledged % (uint)_slots.Length];
        if (oldest.Open == 0 && now - oldest.SentAt > _patience)
        {
            _patience = Math.Min(2 * _patience, MostPatience);
            return (int)(Acknowledged % (uint)_slots.Length);
        }

        return -1;
    }

    private void Measure(uint number, long now)
    {
        ref Slot slot = ref _slots[number % (uint)_slots.Length];
        if (!slot.IsRepeated)
        {
            long sample = now - slot.SentAt;
            _roundTrip = _roundTrip == 0 ? sample : ((7 * _roundTrip) + sample) / 8;
        }

        _patience = Math.Clamp(4 * _roundTrip, LeastPatience, MostPatience);
    }

    private void NoteArrived(uint first, ulong bits)
    {
        for (; bits != 0; bits &= bits - 1)
        {
            uint number = first + 1 + (uint)System.Numerics.BitOperations.TrailingZeroCount(bits);
            if ((int)(number - Acknowledged) >= 0 && (int)(number - Next) < 0)
            {
                _slots[number % (uint)_slots.Length].HasArrived = true;
            }
        }
    }

    private struct Slot
    {
        public uint Sequence;
        public uint Transmission;
        public long SentAt;
        public int Open;
        public bool HasArrived;
        public bool IsRepeated;
    }
}
