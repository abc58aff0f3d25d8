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
/// What rank 0 tells the others before each step: cache operations, then the step's tokens. On the wire it is a frame of fixed
/// size, which holds an ordinary decode step whole, followed by the rest where there is more (prefill).
/// One instance is reused from step to step and allocates nothing after it is made.
/// </summary>
internal sealed class StepFrame
{
    /// <summary>The size of the first broadcast.</summary>
    public const int FixedSize = 512;

    private const int HeaderSize = 20;
    private const int OperationSize = 8;
    private const int SequenceSize = 16;
    private const uint Magic = 0x504F5845;

    private readonly byte[] _buffer;
    private readonly CacheOperation[] _operations;
    private readonly SequenceStep[] _sequences;
    private readonly int[] _tokens;
    private int _operationCount;
    private int _sequenceCount;
    private int _tokenCount;

    public StepFrame(int maxSequences, int maxTokens)
    {
        // A slot can be freed and allocated again before the same step.
        _operations = new CacheOperation[2 * maxSequences];
        _sequences = new SequenceStep[maxSequences];
        _tokens = new int[maxTokens];
        _buffer = new byte[Math.Max(FixedSize, HeaderSize + (_operations.Length * OperationSize) + (maxSequences * SequenceSize) + (maxTokens * 4))];
    }

    /// <summary>Whether this is the last frame: the ranks leave their loops.</summary>
    public bool IsStop { get; private set; }

    public ReadOnlySpan<CacheOperation> Operations => _operations.AsSpan(0, _operationCount);

    public StepBatch Batch => new(_tokens.AsSpan(0, _tokenCount), _sequences.AsSpan(0, _sequenceCount));

    public bool IsEmpty => _operationCount == 0 && _sequenceCount == 0;

    public int FreeTokens => _tokens.Length - _tokenCount;

    public void Clear()
    {
        IsStop = false;
        _operationCount = 0;
        _sequenceCount = 0;
        _tokenCount = 0;
    }

    public void MakeStop()
    {
        Clear();
        IsStop = true;
    }

    public void Add(CacheOperation operation) => _operations[_operationCount++] = operation;

    public void Add(int slot, int position, ReadOnlySpan<int> tokens, bool wantsLogits)
    {
        tokens.CopyTo(_tokens.AsSpan(_tokenCount));
        _tokenCount += tokens.Length;
        _sequences[_sequenceCount++] = new SequenceStep(slot, position, tokens.Length, wantsLogits);
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

    private int Encode()
    {
        Span<byte> header = _buffer;
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], IsStop ? 1 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], _operationCount);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], _sequenceCount);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], _tokenCount);
        int at = HeaderSize;
        foreach (ref readonly CacheOperation operation in Operations)
        {
            at = Put(Put(at, (int)operation.Kind), operation.Slot);
        }

        foreach (ref readonly SequenceStep step in Batch.Sequences)
        {
            at = Put(Put(Put(Put(at, step.Slot), step.Position), step.Count), step.WantsLogits ? 1 : 0);
        }

        foreach (int token in Batch.Tokens)
        {
            at = Put(at, token);
        }

        return at;
    }

    private int DecodeHeader()
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(_buffer) != Magic)
        {
            throw new ProtocolException("A step frame does not begin with its mark; the ranks are out of step.");
        }

        Clear();
        IsStop = Get(4) != 0;
        _operationCount = Bounded(Get(8), _operations.Length, "cache operations");
        _sequenceCount = Bounded(Get(12), _sequences.Length, "sequences");
        _tokenCount = Bounded(Get(16), _tokens.Length, "tokens");
        return HeaderSize + (_operationCount * OperationSize) + (_sequenceCount * SequenceSize) + (_tokenCount * 4);
    }

    private void DecodeBody()
    {
        int at = HeaderSize;
        for (int i = 0; i < _operationCount; i++, at += OperationSize)
        {
            _operations[i] = new CacheOperation((CacheOperationKind)Get(at), Get(at + 4));
        }

        int tokens = 0;
        for (int i = 0; i < _sequenceCount; i++, at += SequenceSize)
        {
            _sequences[i] = new SequenceStep(Get(at), Get(at + 4), Get(at + 8), Get(at + 12) != 0);
            tokens += Bounded(_sequences[i].Count, _tokenCount - tokens, "tokens of a sequence");
        }

        if (tokens != _tokenCount)
        {
            throw new ProtocolException($"A step frame's sequences hold {tokens} tokens, the frame {_tokenCount}.");
        }

        for (int i = 0; i < _tokenCount; i++, at += 4)
        {
            _tokens[i] = Get(at);
        }
    }

    private int Put(int at, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(at), value);
        return at + 4;
    }

    private int Get(int at) => BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(at));

    private static int Bounded(int value, int limit, string what) => value >= 0 && value <= limit
        ? value
        : throw new ProtocolException($"A step frame claims {value} {what}; at most {limit} fit the agreed limits.");
}
