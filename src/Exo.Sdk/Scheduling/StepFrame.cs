using System.Buffers.Binary;

namespace Exo.Sdk.Scheduling;

/// <summary>A change to the KV cache that all ranks make before a step's tokens.</summary>
internal enum CacheOperationKind : byte
{
    /// <summary>Opens the slot.</summary>
    Allocate = 1,

    /// <summary>Closes the slot.</summary>
    Free = 2,
}

/// <param name="Kind">What to do.</param>
/// <param name="Slot">To which slot.</param>
internal readonly record struct CacheOperation(CacheOperationKind Kind, int Slot);

/// <summary>
/// What rank 0 tells the others before each step: cache operations, then the step's sequences, pages and tokens. On the wire it is a
/// message of fixed size, which holds a decode step of all sequences whole, followed by the rest where there is more (prefill).
/// All numbers are 32 bits, little-endian. One instance is reused from step to step and allocates nothing after it is made.
/// </summary>
/// <remarks>
/// Header: magic, version, flags, and the numbers of operations, sequences, pages and tokens. An operation: kind, slot. A sequence: slot,
/// position, count, kind of logits, adapter, number of pages. Then the page numbers of all sequences, then their tokens. A receiver
/// refuses what it does not know: another version, another bit, another kind.
/// </remarks>
internal sealed class StepFrame
{
    /// <summary>Raised whenever a frame changes its meaning.</summary>
    public const int Version = 2;

    private const int LeastFixedSize = 512;
    private const int HeaderSize = 28;
    private const int OperationSize = 8;
    private const int SequenceSize = 24;
    private const uint Magic = 0x504F5845;
    private const int StopFlag = 1;

    private readonly byte[] _buffer;
    private readonly CacheOperation[] _operations;
    private readonly SequenceStep[] _sequences;
    private readonly int[] _pages;
    private readonly int[] _tokens;
    private int _operationCount;
    private int _sequenceCount;
    private int _pageCount;
    private int _tokenCount;

    /// <param name="limits">What the ranks have agreed on; it sizes the buffers, so the same on every rank.</param>
    public StepFrame(EngineLimits limits)
    {
        // A slot can be freed and allocated again before the same step.
        _operations = new CacheOperation[2 * limits.MaxSequences];
        _sequences = new SequenceStep[limits.MaxSequences];
        _pages = new int[limits.MaxPages];
        _tokens = new int[limits.MaxBatchTokens];
        FixedSize = Math.Max(LeastFixedSize, HeaderSize + (limits.MaxSequences * (SequenceSize + sizeof(int))));
        _buffer = new byte[Math.Max(FixedSize, SizeOf(_operations.Length, _sequences.Length, _pages.Length, _tokens.Length))];
    }

    /// <summary>The size of the first message.</summary>
    public int FixedSize { get; }

    /// <summary>Whether this is the last frame: the ranks leave their loops.</summary>
    public bool IsStop { get; private set; }

    public ReadOnlySpan<CacheOperation> Operations => _operations.AsSpan(0, _operationCount);

    public StepBatch Batch => new(_tokens.AsSpan(0, _tokenCount), _sequences.AsSpan(0, _sequenceCount), _pages.AsSpan(0, _pageCount));

    public bool IsEmpty => _operationCount == 0 && _sequenceCount == 0;

    public int FreeTokens => _tokens.Length - _tokenCount;

    public void Clear()
    {
        IsStop = false;
        _operationCount = 0;
        _sequenceCount = 0;
        _pageCount = 0;
        _tokenCount = 0;
    }

    public void MakeStop()
    {
        Clear();
        IsStop = true;
    }

    public void Add(CacheOperation operation) => _operations[_operationCount++] = operation;

    public void Add(int slot, int position, ReadOnlySpan<int> tokens, StepLogits logits, int adapter = 0, ReadOnlySpan<int> pages = default)
    {
        tokens.CopyTo(_tokens.AsSpan(_tokenCount));
        pages.CopyTo(_pages.AsSpan(_pageCount));
        _tokenCount += tokens.Length;
        _pageCount += pages.Length;
        _sequences[_sequenceCount++] = new SequenceStep(slot, position, tokens.Length, logits) { Adapter = adapter, PageCount = pages.Length };
    }

    /// <summary>Rank 0: tells the others.</summary>
    public void Send(ICollective group)
    {
        int length = Encode();
        group.Broadcast(_buffer.AsSpan(0, FixedSize), root: 0);
        if (length > FixedSize)
        {
            group.Broadcast(_buffer.AsSpan(FixedSize, length - FixedSize), root: 0);
        }
    }

    /// <summary>Other ranks: waits for the next frame, as long as it takes.</summary>
    /// <exception cref="ProtocolException">The frame is not sound.</exception>
    /// <exception cref="PeerLostException">Rank 0 is lost.</exception>
    public void Receive(ICollective group)
    {
        group.WaitForMessage(0);
        group.Broadcast(_buffer.AsSpan(0, FixedSize), root: 0);
        int length = DecodeHeader();
        if (length > FixedSize)
        {
            group.Broadcast(_buffer.AsSpan(FixedSize, length - FixedSize), root: 0);
        }

        DecodeBody();
    }

    private static int SizeOf(int operations, int sequences, int pages, int tokens) =>
        checked(HeaderSize + (operations * OperationSize) + (sequences * SequenceSize) + ((pages + tokens) * sizeof(int)));

    private int Encode()
    {
        int at = Put(0, unchecked((int)Magic));
        at = Put(Put(at, Version), IsStop ? StopFlag : 0);
        at = Put(Put(Put(Put(at, _operationCount), _sequenceCount), _pageCount), _tokenCount);
        foreach (ref readonly CacheOperation operation in Operations)
        {
            at = Put(Put(at, (int)operation.Kind), operation.Slot);
        }

        foreach (ref readonly SequenceStep step in Batch.Sequences)
        {
            at = Put(Put(Put(Put(at, step.Slot), step.Position), step.Count), (int)step.Logits);
            at = Put(Put(at, step.Adapter), step.PageCount);
        }

        foreach (int page in Batch.Pages)
        {
            at = Put(at, page);
        }

        foreach (int token in Batch.Tokens)
        {
            at = Put(at, token);
        }

        return at;
    }

    private int DecodeHeader()
    {
        Clear();
        int at = 0;
        if (unchecked((uint)Get(ref at)) != Magic)
        {
            throw new ProtocolException("A step frame does not begin with its mark; the ranks are out of step.");
        }

        if (Get(ref at) is var version and not Version)
        {
            throw new ProtocolException($"A step frame has version {version}, this rank speaks {Version}: run the same version of Exo on every node.");
        }

        int flags = Get(ref at);
        if ((flags & ~StopFlag) != 0)
        {
            throw new ProtocolException($"A step frame has the flags 0x{flags:X}; known are 0x{StopFlag:X}.");
        }

        IsStop = flags != 0;
        _operationCount = Bounded(Get(ref at), 0, _operations.Length, "cache operations");
        _sequenceCount = Bounded(Get(ref at), 0, _sequences.Length, "sequences");
        _pageCount = Bounded(Get(ref at), 0, _pages.Length, "cache pages");
        _tokenCount = Bounded(Get(ref at), 0, _tokens.Length, "tokens");
        return SizeOf(_operationCount, _sequenceCount, _pageCount, _tokenCount);
    }

    private void DecodeBody()
    {
        int at = HeaderSize;
        for (int i = 0; i < _operationCount; i++)
        {
            int kind = Bounded(Get(ref at), (int)CacheOperationKind.Allocate, (int)CacheOperationKind.Free, "as a cache operation");
            _operations[i] = new CacheOperation((CacheOperationKind)kind, Slot(Get(ref at)));
        }

        int tokens = 0;
        int pages = 0;
        for (int i = 0; i < _sequenceCount; i++)
        {
            int slot = Slot(Get(ref at));
            int position = Bounded(Get(ref at), 0, int.MaxValue, "as a position");
            int count = Bounded(Get(ref at), 1, _tokenCount - tokens, "tokens of a sequence");
            int logits = Bounded(Get(ref at), 0, (int)StepLogits.All, "as a kind of logits");
            int adapter = Bounded(Get(ref at), 0, int.MaxValue, "as an adapter");
            int pageCount = Bounded(Get(ref at), 0, _pageCount - pages, "cache pages of a sequence");
            _sequences[i] = new SequenceStep(slot, position, count, (StepLogits)logits) { Adapter = adapter, PageCount = pageCount };
            tokens += count;
            pages += pageCount;
        }

        if (tokens != _tokenCount || pages != _pageCount)
        {
            throw new ProtocolException(
                $"A step frame's sequences hold {tokens} tokens and {pages} cache pages, the frame {_tokenCount} and {_pageCount}.");
        }

        for (int i = 0; i < _pageCount; i++)
        {
            _pages[i] = Bounded(Get(ref at), 0, int.MaxValue, "as a cache page");
        }

        for (int i = 0; i < _tokenCount; i++)
        {
            _tokens[i] = Bounded(Get(ref at), 0, int.MaxValue, "as a token");
        }
    }

    private int Put(int at, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(at), value);
        return at + sizeof(int);
    }

    private int Get(ref int at)
    {
        int value = BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(at));
        at += sizeof(int);
        return value;
    }

    private int Slot(int value) => Bounded(value, 0, _sequences.Length - 1, "as a slot");

    private static int Bounded(int value, int least, int most, string what) => value >= least && value <= most
        ? value
        : throw new ProtocolException($"A step frame claims {value} {what}; {least} to {most} fit the agreed limits.");
}
