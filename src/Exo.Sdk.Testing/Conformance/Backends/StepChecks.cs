using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Testing.Conformance.Backends;

/// <summary>What <see cref="IModelShard"/> promises of sequences and steps.</summary>
internal static class StepChecks
{
    private const int Count = 40;

    public static void PrefillsInChunks(BackendUnderTest tested, int[] chunks)
    {
        using Story story = new(tested);
        story.Shards.Do(static shard => shard.Allocate(1));
        int position = 0;
        foreach (int chunk in chunks)
        {
            float[][] logits = story.Shards.Forward(story.First[position..(position + chunk)], new SequenceStep(1, position, chunk, StepLogits.Last));
            position += chunk;
            story.Check(logits[0], story.FirstLogits[position - 1]);
        }
    }

    /// <summary>A text of many windows through small steps, so that a cache that is bounded by the window goes round several times.</summary>
    public static void LooksBackNoFurtherThanAWindow(BackendUnderTest tested, Action<string> log)
    {
        MemoryModel model = new(new ModelShape
        {
            Hidden = 32,
            HeadSize = 8,
            Channels = 48,
            Layers = 3,
            HasQueryKeyNorm = true,
            Vary = static (layer, attention) => attention with { SlidingWindow = layer == 1 ? null : 5 + layer },
            Seed = 75,
        });
        if (!tested.Backend.Supports(model.Spec).IsAvailable)
        {
            return;
        }

        int[] tokens = model.Tokens(230, 76);
        double[][] expected = new ReferenceModel(model).Logits(tokens);
        using ShardSet shards = new(
            tested.Backend, model, options: new ShardOptions { ContextLength = 230, MaxBatchTokens = 7, MaxSequences = 2, KeyValues = KeyValuePrecision.Float32 });
        shards.Do(static shard => shard.Allocate(0));
        double error = 0;
        for (int position = 0, step = 1; position < tokens.Length; position += step, step = (step % 7) + 1)
        {
            step = Math.Min(step, tokens.Length - position);
            float[] logits = shards.Forward(tokens[position..(position + step)], new SequenceStep(0, position, step, StepLogits.Last))[0];
            error = Math.Max(error, Accuracy.Error(logits, expected[position + step - 1]));
            if (position == 0)
            {
                continue;
            }

            // A fork in the middle of everything goes on as its source does; and the step may be taken back and taken again.
            shards.Do(static shard => shard.Fork(0, 1));
            shards.Do(shard => shard.Truncate(1, position + step - 1));
            logits = shards.Forward([tokens[position + step - 1]], new SequenceStep(1, position + step - 1, 1, StepLogits.Last))[0];
            error = Math.Max(error, Accuracy.Error(logits, expected[position + step - 1]));
            shards.Do(static shard => shard.Free(1));
        }

        log($"largest relative error {error:e2}");
        Expect.That(error < tested.Options.Tolerance, $"logits within {tested.Options.Tolerance:e1} of the formulas", $"{error:e2}");
    }

    public static void SharesAStep(BackendUnderTest tested)
    {
        using Story story = new(tested);
        story.Shards.Do(static shard => shard.Allocate(0));
        story.Shards.Do(static shard => shard.Allocate(2));

        // Prefill of one beside prefill of the other, then decode of both, then a chunk beside a decode.
        float[][] logits = story.Shards.Forward(
            [.. story.First[..10], .. story.Second[..5]], new(2, 0, 10, StepLogits.None), new(0, 0, 5, StepLogits.Last));
        story.Check(logits[0], story.SecondLogits[4]);
        for (int i = 0; i < 5; i++)
        {
            logits = story.Shards.Forward([story.Second[5 + i], story.First[10 + i]], new(0, 5 + i, 1, StepLogits.Last), new(2, 10 + i, 1, StepLogits.Last));
            story.Check(logits[0], story.SecondLogits[5 + i]);
            story.Check(logits[1], story.FirstLogits[10 + i]);
        }

        logits = story.Shards.Forward([.. story.Second[10..30], story.First[15]], new(0, 10, 20, StepLogits.Last), new(2, 15, 1, StepLogits.Last));
        story.Check(logits[0], story.SecondLogits[29]);
        story.Check(logits[1], story.FirstLogits[15]);
    }

    public static void GivesLogitsOfEveryToken(BackendUnderTest tested)
    {
        using Story story = new(tested);
        story.Shards.Do(static shard => shard.Allocate(0));
        story.Shards.Do(static shard => shard.Allocate(1));
        float[][] logits = story.Shards.Forward(
            [.. story.First[..17], .. story.Second[..5]], new(0, 0, 17, StepLogits.All), new(1, 0, 5, StepLogits.Last));
        for (int i = 0; i < 17; i++)
        {
            story.Check(logits[i], story.FirstLogits[i]);
        }

        story.Check(logits[17], story.SecondLogits[4]);
        logits = story.Shards.Forward([story.First[17], .. story.Second[5..12]], new(0, 17, 1, StepLogits.None), new(1, 5, 7, StepLogits.All));
        for (int i = 0; i < 7; i++)
        {
            story.Check(logits[i], story.SecondLogits[5 + i]);
        }
    }

    public static void Forks(BackendUnderTest tested)
    {
        using Story story = new(tested);
        story.Shards.Do(static shard => shard.Allocate(0));
        story.Shards.Forward(story.First[..20], new SequenceStep(0, 0, 20, StepLogits.None));
        story.Shards.Do(static shard => shard.Fork(0, 1));
        story.Shards.Forward(story.Second[20..30], new SequenceStep(1, 20, 10, StepLogits.None));
        double[][] mixed = new ReferenceModel(story.Model).Logits([.. story.First[..20], .. story.Second[20..31]]);
        story.Check(story.Shards.Forward([story.Second[30]], new SequenceStep(1, 30, 1, StepLogits.Last))[0], mixed[30]);
        story.Check(story.Shards.Forward([story.First[20]], new SequenceStep(0, 20, 1, StepLogits.Last))[0], story.FirstLogits[20]);
    }

    public static void Truncates(BackendUnderTest tested)
    {
        using Story story = new(tested);
        story.Shards.Do(static shard => shard.Allocate(0));
        story.Shards.Forward([.. story.First[..17], .. story.Second[..20]], new SequenceStep(0, 0, 37, StepLogits.None));
        story.Shards.Do(static shard => shard.Truncate(0, 17));
        story.Check(story.Shards.Forward([story.First[17]], new SequenceStep(0, 17, 1, StepLogits.Last))[0], story.FirstLogits[17]);
        story.Shards.Do(static shard => shard.Truncate(0, 0));
        story.Check(story.Shards.Forward(story.Second[..3], new SequenceStep(0, 0, 3, StepLogits.Last))[0], story.SecondLogits[2]);
    }

    public static void Frees(BackendUnderTest tested)
    {
        using Story story = new(tested);
        story.Shards.Do(static shard => shard.Allocate(0));
        story.Shards.Forward(story.First[..20], new SequenceStep(0, 0, 20, StepLogits.None));
        long open = story.Shards[0].Memory.KeyValueCache;
        Expect.That(open > 0, "memory for the keys and values of an open sequence", $"{open} bytes");
        story.Shards.Do(static shard => shard.Free(0));
        Expect.Equal(story.Shards[0].Memory.KeyValueCache, 0, "the memory of keys and values once all sequences are closed");
        story.Shards.Do(static shard => shard.Allocate(0));
        story.Check(story.Shards.Forward(story.Second[..3], new SequenceStep(0, 0, 3, StepLogits.Last))[0], story.SecondLogits[2]);
    }

    public static void RefusesUnknownFeatures(BackendUnderTest tested)
    {
        using Story story = new(tested);
        IModelShard shard = story.Shards[0];
        shard.Allocate(0);
        float[] logits = new float[story.Model.Spec.VocabularySize];
        Refuse("logits of an unknown kind", new SequenceStep(0, 0, 1, (StepLogits)3), []);
        if (!shard.Features.HasFlag(ShardFeatures.Adapters))
        {
            Refuse("an adapter", new SequenceStep(0, 0, 1, StepLogits.Last) { Adapter = 1 }, []);
        }

        if (!shard.Features.HasFlag(ShardFeatures.Pages))
        {
            Refuse("cache pages", new SequenceStep(0, 0, 1, StepLogits.Last) { PageCount = 1 }, [7]);
        }

        story.Check(story.Shards.Forward(story.First[..3], new SequenceStep(0, 0, 3, StepLogits.Last))[0], story.FirstLogits[2]);

        void Refuse(string what, SequenceStep step, int[] pages) =>
            Expect.Throws<ArgumentException>(() => shard.Forward(new StepBatch([1], [step], pages), logits), $"a step with {what}");
    }

    public static void RefusesWrongSteps(BackendUnderTest tested)
    {
        using Story story = new(tested);
        IModelShard shard = story.Shards[0];
        int vocabulary = story.Model.Spec.VocabularySize;
        shard.Allocate(0);
        Expect.Throws<InvalidOperationException>(() => shard.Allocate(0), "opening an open slot");
        Expect.Throws<InvalidOperationException>(() => shard.Free(1), "closing a closed slot");
        Expect.Throws<InvalidOperationException>(() => shard.Truncate(1, 0), "truncating a closed slot");
        Expect.Throws<InvalidOperationException>(() => shard.Fork(1, 2), "a fork of a closed slot");
        Expect.Throws<InvalidOperationException>(() => shard.Fork(0, 0), "a fork into an open slot");
        Expect.Throws<ArgumentOutOfRangeException>(() => shard.Allocate(3), "opening a slot beyond the last");
        Expect.Throws<ArgumentOutOfRangeException>(() => shard.Allocate(-1), "opening a slot below 0");
        Expect.Throws<ArgumentOutOfRangeException>(() => shard.Truncate(0, 1), "truncating a sequence to more than it holds");
        Expect.Throws<ArgumentOutOfRangeException>(() => shard.Truncate(0, -1), "truncating a sequence to less than nothing");
        Expect.Throws<InvalidOperationException>(() => Forward([1], new SequenceStep(1, 0, 1, StepLogits.Last)), "a step of a closed slot");
        Refuse("a position beyond the sequence's end", [1], new SequenceStep(0, 1, 1, StepLogits.Last));
        Refuse("a position below 0", [1], new SequenceStep(0, -1, 1, StepLogits.Last));
        Refuse("a token beyond the vocabulary", [vocabulary], new SequenceStep(0, 0, 1, StepLogits.Last));
        Refuse("a token below 0", [-1], new SequenceStep(0, 0, 1, StepLogits.Last));
        Refuse("more tokens than its sequences count", [1, 2], new SequenceStep(0, 0, 1, StepLogits.Last));
        Refuse("fewer tokens than its sequences count", [1], new SequenceStep(0, 0, 2, StepLogits.Last));
        Refuse("a sequence of no tokens", [], new SequenceStep(0, 0, 0, StepLogits.Last));
        Refuse("a slot that occurs twice", [1, 2], new SequenceStep(0, 0, 1, StepLogits.Last), new SequenceStep(0, 0, 1, StepLogits.Last));
        Refuse("more tokens than the context holds", story.Model.Tokens(Count + 1, 3), new SequenceStep(0, 0, Count + 1, StepLogits.Last));
        Refuse("more tokens than a step may have", story.Model.Tokens(65, 3), new SequenceStep(0, 0, 65, StepLogits.Last));
        Expect.Throws<ArgumentException>(
            () => shard.Forward(new StepBatch([1], [new SequenceStep(0, 0, 1, StepLogits.Last)]), new float[3]), "a step without room for its logits");
        story.Check(story.Shards.Forward(story.First[..3], new SequenceStep(0, 0, 3, StepLogits.Last))[0], story.FirstLogits[2]);

        void Refuse(string what, int[] tokens, params SequenceStep[] steps) =>
            Expect.Throws<ArgumentException>(() => Forward(tokens, steps), $"a step with {what}");

        void Forward(int[] tokens, params SequenceStep[] steps) => shard.Forward(new StepBatch(tokens, steps), new float[2 * vocabulary]);
    }

    public static async Task PassesALossOn(BackendUnderTest tested)
    {
        foreach (int failsAt in (int[])[0, 1, 3])
        {
            MemoryModel model = new(new ModelShape { Seed = 60 });
            ShardAssignment[] parts = ShardSet.Divide(model.Spec, [1, 1], [64, 64], [50, 47]);
            using LosingGroup group = new(failsAt);
            using IModelShard shard = await tested.Backend.LoadAsync(
                model.Spec, parts[0], model.Weights, group, new ShardOptions { ContextLength = 32 }).ConfigureAwait(false);
            shard.Allocate(0);
            PeerLostException error = Expect.Throws<PeerLostException>(Step, "a step that loses a peer");
            Expect.That(ReferenceEquals(error, group.Error), "the group's own error", "another one");
            Expect.Equal(group.Count, failsAt + 1, "how many sums were asked for, none of them after the loss,");
            Expect.Throws<ArgumentOutOfRangeException>(() => shard.Truncate(0, 1), "truncating to a token of the lost step");
            Expect.Throws<PeerLostException>(Step, "the same step again");

            void Step() => shard.Forward(new StepBatch([1, 2], [new SequenceStep(0, 0, 2, StepLogits.None)]), default);
        }
    }

    public static void AllocatesNothing(BackendUnderTest tested, Action<string> log)
    {
        ModelShape plain = new() { HasBias = true, HasQueryKeyNorm = true, Seed = 70 };
        foreach (ModelShape shape in (ModelShape[])[plain, plain with { Packing = new QuantizationSpec(4, 32) }])
        {
            MemoryModel model = new(shape);
            if (!tested.Backend.Supports(model.Spec).IsAvailable)
            {
                continue;
            }

            foreach (ShardAssignment[] parts in (ShardAssignment[][])[[ShardSet.Whole(model.Spec)], ShardSet.Divide(model.Spec, [1, 1], [64, 64], [50, 47])])
            {
                foreach ((int threads, ActivationPrecision activations) in ((int, ActivationPrecision)[])[(1, ActivationPrecision.Float32), (2, ActivationPrecision.Int8)])
                {
                    AllocatesNothing(tested, model, parts, threads, activations, log);
                }
            }
        }
    }

    private static void AllocatesNothing(
        BackendUnderTest tested, MemoryModel model, ShardAssignment[] parts, int threads, ActivationPrecision activations, Action<string> log)
    {
        const int Warm = 24;
        const int Measured = 40;
        using ShardSet shards = new(
            tested.Backend, model, parts, new ShardOptions { ContextLength = Warm + Measured, ThreadCount = threads, Activations = activations });
        shards.Do(static shard => shard.Allocate(0));
        shards.Do(static shard => shard.Allocate(1));
        long[] allocated = new long[parts.Length];
        shards.Do(shard =>
        {
            int[] tokens = [3, 5];
            SequenceStep[] steps = new SequenceStep[2];
            float[] logits = new float[2 * model.Spec.VocabularySize];
            for (int position = 0; position < Warm + Measured; position++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                steps[0] = new SequenceStep(0, position, 1, StepLogits.Last);
                steps[1] = new SequenceStep(1, position, 1, StepLogits.Last);
                shard.Forward(new StepBatch(tokens, steps), logits);
                allocated[shard.Assignment.Rank] += position < Warm ? 0 : GC.GetAllocatedBytesForCurrentThread() - before;
            }
        });
        log($"{Measured} steps on {parts.Length} ranks of {threads} threads with {activations}: {string.Join(" and ", allocated)} bytes");
        long allowed = (long)Measured * tested.Options.AllocatedBytesPerDecodeStep;
        Expect.That(allocated.All(bytes => bytes <= allowed), $"at most {allowed} bytes in {Measured} steps", string.Join(" and ", allocated));
    }

    /// <summary>A small model with a window, two texts, and what the formulas say of them.</summary>
    private sealed class Story : IDisposable
    {
        private readonly double _tolerance;

        public Story(BackendUnderTest tested)
        {
            _tolerance = tested.Options.Tolerance;
            bool hasWindow = tested.Backend.Supports(new MemoryModel(new ModelShape { Window = 13, Seed = 40 }).Spec).IsAvailable;
            Model = new MemoryModel(new ModelShape { Window = hasWindow ? 13 : null, Seed = 40 });
            Shards = new ShardSet(tested.Backend, Model, options: new ShardOptions
            {
                ContextLength = Count,
                MaxSequences = 3,
                MaxBatchTokens = 64,
                KeyValues = KeyValuePrecision.Float32,
            });
            First = Model.Tokens(Count, 1);
            Second = Model.Tokens(Count, 2);
            FirstLogits = new ReferenceModel(Model).Logits(First);
            SecondLogits = new ReferenceModel(Model).Logits(Second);
        }

        public MemoryModel Model { get; }

        public ShardSet Shards { get; }

        public int[] First { get; }

        public int[] Second { get; }

        public double[][] FirstLogits { get; }

        public double[][] SecondLogits { get; }

        public void Check(float[] found, double[] expected)
        {
            double error = Accuracy.Error(found, expected);
            Expect.That(error < _tolerance, $"logits within {_tolerance:e1} of the formulas", $"{error:e2}");
        }

        public void Dispose() => Shards.Dispose();
    }

    /// <summary>Rank 0 of a group whose other rank is lost at some sum.</summary>
    private sealed class LosingGroup(int failsAt) : ICollective
    {
        public PeerLostException Error { get; } = new(1, "connection reset");

        public int Count { get; private set; }

        public int Rank => 0;

        public int Size => 2;

        public ulong Epoch => 1;

        public void AllReduceSum(Span<float> values)
        {
            if (Count++ >= failsAt)
            {
                throw Error;
            }
        }

        public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts) => throw Error;

        public void Broadcast(Span<byte> message, int root) => throw Error;

        public void Send(ReadOnlySpan<byte> message, int peer) => throw Error;

        public void Receive(Span<byte> message, int peer) => throw Error;

        public ICollective? Split(int color, int key) => throw Error;

        public void Barrier() => throw Error;

        public void WaitForMessage(int peer) => throw Error;

        public void Abort(int lostRank, string reason)
        {
        }

        public void Dispose()
        {
        }
    }
}
