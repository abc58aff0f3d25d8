namespace Exo.Sdk.Rdma.Links;

/// <summary>What becomes of a data message that has arrived.</summary>
internal enum Arrival
{
    /// <summary>It is kept in its slot until the collective takes it.</summary>
    Kept,

    /// <summary>It was here before.</summary>
    Repeated,

    /// <summary>Its number is one that the peer must not use yet.</summary>
    Refused,
}

/// <summary>
/// The data messages that have arrived from one peer and that the collective has not taken: put back into order, with
/// an account of what arrived for the reports to the peer.
/// </summary>
internal sealed class ReceiveWindow
{
    private readonly int[] _slots;
    private readonly int _threshold;
    private readonly int _reportThreshold;
    private uint _toldExpected;
    private uint _toldConsumed;
    private uint _highest;
    private int _untoldData;
    private int _untoldReports;
    private bool _urgent;

    /// <summary>Starts empty.</summary>
    /// <param name="depth">Messages that may be kept.</param>
    public ReceiveWindow(int depth)
    {
        _slots = new int[depth];
        _slots.AsSpan().Fill(-1);
        _threshold = Math.Max(1, depth / 4);

        // Reports that answer reports must become fewer each time, or two idle ranks would never stop.
        _reportThreshold = Math.Max(4, depth / 2);
    }

    /// <summary>The first number that has not arrived.</summary>
    public uint Expected { get; private set; }

    /// <summary>The number that the collective takes next.</summary>
    public uint Consumed { get; private set; }

    /// <summary>One more than the highest transmission number that has arrived.</summary>
    public uint Seen { get; private set; }

    /// <summary>How many messages came more than once.</summary>
    public long Repeats { get; private set; }

    /// <summary>Whether the peer should hear at once: of a gap, of a repetition, or of room that it may be waiting for.</summary>
    public bool OwesReportNow => _urgent
        || _untoldData >= _threshold
        || _untoldReports >= _reportThreshold
        || (int)(Consumed - _toldConsumed) >= _threshold;

    /// <summary>Whether the peer should hear before this rank falls asleep.</summary>
    public bool OwesReport => _urgent || Expected != _toldExpected || Consumed != _toldConsumed;

    /// <summary>Notes that a transmission has arrived, with data or without.</summary>
    /// <param name="transmission">Its number.</param>
    /// <param name="hasData">Whether it holds data.</param>
    public void Note(uint transmission, bool hasData)
    {
        _untoldData += hasData ? 1 : 0;
        _untoldReports += hasData ? 0 : 1;
        if ((int)(transmission + 1 - Seen) > 0)
        {
            Seen = transmission + 1;
        }
    }

    /// <summary>Takes a data message.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="slot">Where it lies.</param>
    /// <returns>What becomes of it.</returns>
    public Arrival Keep(uint number, int slot)
    {
        int ahead = (int)(number - Expected);
        if (ahead < 0)
        {
            Repeats++;
            _urgent = true;
            return Arrival.Repeated;
        }

        if ((int)(number - Consumed) >= _slots.Length)
        {
            return Arrival.Refused;
        }

        ref int place = ref _slots[number % (uint)_slots.Length];
        if (place >= 0)
        {
            Repeats++;
            _urgent = true;
            return Arrival.Repeated;
        }

        place = slot;
        _urgent |= ahead > 0;
        _highest = (int)(number + 1 - _highest) > 0 ? number + 1 : _highest;
        while ((int)(Expected - Consumed) < _slots.Length && _slots[Expected % (uint)_slots.Length] >= 0)
        {
            Expected++;
        }

        return Arrival.Kept;
    }

    /// <summary>The slot of the message that the collective takes next.</summary>
    /// <returns>The slot, or −1 where it has not arrived.</returns>
    public int First() => Consumed == Expected ? -1 : _slots[Consumed % (uint)_slots.Length];

    /// <summary>Notes that the collective has taken the message of <see cref="First"/>.</summary>
    public void Consume() => _slots[Consumed++ % (uint)_slots.Length] = -1;

    /// <summary>Writes the report into a header that goes out now.</summary>
    /// <param name="header">The header.</param>
    public void Report(ref SlotHeader header)
    {
        header.Acknowledged = Expected;
        header.Consumed = Consumed;
        header.Seen = Seen;
        bool inOrder = (int)(_highest - Expected) <= 0;
        header.ArrivedLow = inOrder ? 0 : Arrived(Expected + 1);
        header.ArrivedHigh = inOrder ? 0 : Arrived(Expected + 65);
        _toldExpected = Expected;
        _toldConsumed = Consumed;
        _untoldData = 0;
        _untoldReports = 0;
        _urgent = false;
    }

    private ulong Arrived(uint first)
    {
        ulong bits = 0;
        for (uint i = 0; i < 64 && (int)(first + i - Consumed) < _slots.Length; i++)
        {
            bits |= _slots[(first + i) % (uint)_slots.Length] >= 0 ? 1UL << (int)i : 0;
        }

        return bits;
    }
}
