namespace Exo.Sdk.Transport.Collectives;

/// <summary>Where one sum stands. The masks have one bit per rank.</summary>
internal ref struct AllReduceProgress
{
    private readonly Span<float> _values;
    private readonly int _size;
    private readonly int _rank;
    private readonly int _blockBytes;

    public AllReduceProgress(Span<float> values, Span<byte> wire, bool direct, Membership group, int blockBytes)
    {
        _values = values;
        Wire = wire;
        Direct = direct;
        _size = group.Size;
        _rank = group.Rank;
        _blockBytes = blockBytes;
        Own = Contribution(_rank);
        UnfinishedSends = group.Peers;
        UnfinishedReceives = group.Peers;
    }

    /// <summary>Whether every rank sums everything for itself.</summary>
    public bool Direct { get; }

    /// <summary>The whole vector as it travels.</summary>
    public Span<byte> Wire { get; }

    /// <summary>What this rank sums.</summary>
    public Span<byte> Own { get; }

    /// <summary>How much of <see cref="Own"/> is summed.</summary>
    public int SummedBytes { get; set; }

    /// <summary>The ranks that not everything is sent to.</summary>
    public uint UnfinishedSends { get; set; }

    /// <summary>The ranks that not everything is received from.</summary>
    public uint UnfinishedReceives { get; set; }

    /// <summary>The ranks that have this rank's contribution and now get its sums.</summary>
    public uint SendsSums { get; set; }

    /// <summary>The ranks whose contribution is here and whose sums now arrive.</summary>
    public uint ReceivesSums { get; set; }

    /// <summary>The ranks whose wire was full at the last try.</summary>
    public uint AwaitedSends { get; set; }

    /// <summary>The ranks whose wire was empty at the last try.</summary>
    public uint AwaitedReceives { get; set; }

    /// <summary>The part of the vector that a rank sums.</summary>
    public readonly Span<byte> Contribution(int rank)
    {
        return Direct ? Wire : Wire[SegmentStart(rank)..SegmentStart(rank + 1)];
    }

    /// <summary>The values that a part of <see cref="Own"/> stands for.</summary>
    public readonly Span<float> OwnValues(int at, int count, WireFormat format)
    {
        int block = ((Direct ? 0 : SegmentStart(_rank)) + at) / _blockBytes;
        int blocks = (count + _blockBytes - 1) / _blockBytes;
        int start = block * format.BlockLength;
        return _values[start..Math.Min(start + (blocks * format.BlockLength), _values.Length)];
    }

    /// <summary>Where a rank's segment begins: segments are of whole blocks.</summary>
    private readonly int SegmentStart(int rank)
    {
        long blocks = (Wire.Length + _blockBytes - 1) / _blockBytes;
        return (int)Math.Min(blocks * rank / _size * _blockBytes, Wire.Length);
    }
}
