using Exo.Sdk.Planning;
using Exo.Sdk.Scheduling;

namespace Exo.Sdk.Tests.Scheduling;

/// <summary>
/// A shard whose next token is a known function of the whole sequence so far, so that a lost, doubled or mixed-up token changes
/// everything after it. It throws where the engine breaks the contract of <see cref="IModelShard"/> or a promise of its own.
/// </summary>
internal sealed class ScriptedShard(EngineLimits limits) : IModelShard
{
    private readonly Sequence[] _slots = new Sequence[limits.MaxSequences];
    private Thread? _thread;

    /// <summary>Called before each step with the number of steps done; it may block or throw.</summary>
    public Action<int>? BeforeStep { get; set; }

    /// <summary>Called with each step's parts.</summary>
    public Action<SequenceStep[]>? OnStep { get; set; }

    /// <summary>Steps done.</summary>
    public int Steps { get; private set; }

    /// <summary>Sequences opened so far.</summary>
    public int Allocations { get; private set; }

    public ShardAssignment Assignment => throw new NotSupportedException();

    public ShardMemory Memory => default;

    /// <summary>The tokens that follow a prompt.</summary>
    public static int[] Continue(int[] prompt, int count, int vocabulary)
    {
        ulong state = prompt.Aggregate(0UL, Mix);
        int[] tokens = new int[count];
        for (int i = 0; i < count; i++)
        {
            tokens[i] = Next(state, vocabulary);
            state = Mix(state, tokens[i]);
        }

        return tokens;
    }

    /// <summary>Waits until no slot is open.</summary>
    public void WaitUntilAllAreFree(TimeSpan timeout)
    {
        lock (_slots)
        {
            DateTime limit = DateTime.UtcNow + timeout;
            while (_slots.Any(slot => slot.IsOpen))
            {
                TimeSpan left = limit - DateTime.UtcNow;
                (left > TimeSpan.Zero && Monitor.Wait(_slots, left)).Should().BeTrue("every slot is freed");
            }
        }
    }

    public void Allocate(int slot)
    {
        RequireOneThread();
        lock (_slots)
        {
            Require(!_slots[slot].IsOpen, "a slot is opened twice", slot);
            _slots[slot] = new Sequence { IsOpen = true };
            Allocations++;
        }
    }

    public void Free(int slot)
    {
        RequireOneThread();
        lock (_slots)
        {
            Require(_slots[slot].IsOpen, "a slot is freed that is not open", slot);
            _slots[slot] = default;
            Monitor.PulseAll(_slots);
        }
    }

    public void Fork(int source, int target) => throw new NotSupportedException();

    public void Truncate(int slot, int length) => throw new NotSupportedException();

    public void Forward(in StepBatch batch, Span<float> logits)
    {
        RequireOneThread();
        BeforeStep?.Invoke(Steps);
        OnStep?.Invoke(batch.Sequences.ToArray());
        Require(batch.Tokens.Length <= limits.MaxBatchTokens, "too many tokens in a step", batch.Tokens.Length, limits.MaxBatchTokens);
        Require(logits.Length == batch.LogitRowCount * limits.VocabularySize, "another number of logits than rows", logits.Length, batch.LogitRowCount);
        int token = 0;
        int row = 0;
        foreach (ref readonly SequenceStep step in batch.Sequences)
        {
            Take(step, batch.Tokens.Slice(token, step.Count));
            token += step.Count;
            if (step.Logits == StepLogits.Last)
            {
                Span<float> values = logits.Slice(row++ * limits.VocabularySize, limits.VocabularySize);
                values.Fill(-1);
                values[Next(_slots[step.Slot].State, limits.VocabularySize)] = 1;
            }
        }

        Require(token == batch.Tokens.Length, "tokens that belong to no sequence");
        RequireProgress(batch.Tokens.Length);
        Steps++;
    }

    public void Dispose()
    {
    }

    private void Take(in SequenceStep step, ReadOnlySpan<int> tokens)
    {
        ref Sequence sequence = ref _slots[step.Slot];
        Require(sequence.IsOpen, "a slot is used that is not open", step.Slot);
        Require(sequence.LastStep != Steps + 1, "a slot occurs twice in a step", step.Slot);
        Require(step.Position == sequence.Length, "a position is not the length of the sequence", step.Position, sequence.Length);
        Require(step.Count >= 1 && step.Position + step.Count <= limits.ContextLength, "a sequence outgrows the context", step.Position + step.Count, limits.ContextLength);
        Require(!sequence.IsDecoding || (step.Count == 1 && step.Logits == StepLogits.Last), "a sequence decodes one token a step");
        foreach (int token in tokens)
        {
            Require(token >= 0 && token < limits.VocabularySize, "a token outside the vocabulary", token, limits.VocabularySize);
            sequence.State = Mix(sequence.State, token);
        }

        sequence.Length += step.Count;
        sequence.LastStep = Steps + 1;
        sequence.IsDecoding |= step.Logits == StepLogits.Last;
    }

    /// <summary>The engine's own promises: a text that has begun advances in every step, and no room is wasted while a prompt waits.</summary>
    private void RequireProgress(int tokens)
    {
        for (int slot = 0; slot < _slots.Length; slot++)
        {
            ref readonly Sequence sequence = ref _slots[slot];
            bool waits = sequence.IsOpen && sequence.LastStep != Steps + 1;
            Require(!waits || !sequence.IsDecoding, "a running text waits for a step");
            Require(!waits || tokens == limits.MaxBatchTokens, "a prompt waits although there is room in the step");
        }
    }

    private void RequireOneThread()
    {
        Interlocked.CompareExchange(ref _thread, Thread.CurrentThread, null);
        Require(_thread == Thread.CurrentThread, "a shard is called from one thread");
    }

    private static void Require(bool condition, string broken, int found = 0, int limit = 0)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"{broken} ({found}; {limit})");
        }
    }

    private static ulong Mix(ulong state, int token) => System.Numerics.BitOperations.RotateLeft((state ^ (uint)(token + 1)) * 0x9E3779B97F4A7C15, 29);

    private static int Next(ulong state, int vocabulary) => (int)(state % (ulong)vocabulary);

    private struct Sequence
    {
        public bool IsOpen;
        public bool IsDecoding;
        public int Length;
        public int LastStep;
        public ulong State;
    }
}
