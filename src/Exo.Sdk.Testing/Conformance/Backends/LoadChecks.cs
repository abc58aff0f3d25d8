using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Testing.Conformance.Backends;

/// <summary>What <see cref="IComputeBackend"/> promises of itself and of loading.</summary>
internal static class LoadChecks
{
    public static void SaysWhatItIs(BackendUnderTest tested)
    {
        string name = tested.Backend.Name;
        Expect.That(
            name.Length is > 0 and <= 32 && name.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'),
            "a name of lower-case letters, digits and hyphens",
            $"'{name}'");
        Availability here = tested.Backend.Probe();
        Expect.That(here.IsAvailable && here.Reason.Length > 0, "a backend that can be used here and says what it found", $"'{here.Reason}'");
        Availability plain = tested.Backend.Supports(Plain().Spec);
        Expect.That(plain.IsAvailable, "a plain model to be supported", $"'{plain.Reason}'");
        foreach (KeyValuePrecision asked in Enum.GetValues<KeyValuePrecision>())
        {
            KeyValuePrecision held = tested.Backend.KeyValuesFor(asked);
            Expect.Equal(tested.Backend.KeyValuesFor(held), held, "the form of keys and values where the form that it has is asked for");
        }
    }

    public static void RefusesAfterDispose(BackendUnderTest tested)
    {
        using TestGroup group = Alone();
        IModelShard shard = Load(tested, TestModel.Of(Plain()), group);
        shard.Allocate(0);
        shard.Dispose();
        shard.Dispose();
        Expect.Throws<ObjectDisposedException>(() => shard.Allocate(1), "opening a slot of a disposed shard");
        Expect.Throws<ObjectDisposedException>(() => shard.Free(0), "closing a slot of a disposed shard");
        Expect.Throws<ObjectDisposedException>(
            () => shard.Forward(new StepBatch([1], [new SequenceStep(0, 0, 1, StepLogits.None)]), default), "a step of a disposed shard");
    }

    public static async Task LoadsAtTheSameTime(BackendUnderTest tested) => await Task.WhenAll(Enumerable.Range(1, 4).Select(seed => Task.Run(() =>
    {
        MemoryModel model = new(new ModelShape { Seed = seed });
        using ShardSet shards = new(tested.Backend, model);
        double error = shards.ErrorAgainst(model, 7, 20);
        Expect.That(error < tested.Options.Tolerance, $"model {seed} within {tested.Options.Tolerance:e1} of the formulas", $"{error:e2}");
    }))).ConfigureAwait(false);

    public static void TellsProgress(BackendUnderTest tested)
    {
        MadeModel model = PackedOrPlain(tested);
        Recorder progress = new();
        using TestGroup group = Alone();
        using IModelShard shard = Load(tested, model, group, progress: progress);
        Expect.That(progress.Reports.Count > 1, "several reports", $"{progress.Reports.Count}");
        long total = progress.Reports[^1].TotalBytes;
        for (int i = 0; i < progress.Reports.Count; i++)
        {
            long before = i == 0 ? 0 : progress.Reports[i - 1].LoadedBytes;
            Expect.That(progress.Reports[i].LoadedBytes >= before && progress.Reports[i].TotalBytes == total, $"more than {before} bytes of {total}", $"{progress.Reports[i]}");
        }

        Expect.Equal(progress.Reports[^1].LoadedBytes, total, "what is loaded in the end");
        Expect.That(shard.Memory.Weights > 0, "memory of weights", $"{shard.Memory.Weights} bytes");
        Expect.Equal(shard.Assignment, ShardSet.Whole(model.Spec), "the shard's assignment");
    }

    public static async Task CancelsLoading(BackendUnderTest tested)
    {
        MadeModel model = TestModel.Of(Plain());
        await RefuseAsync<OperationCanceledException>(tested, model, "loading with a canceled token", token: new CancellationToken(canceled: true)).ConfigureAwait(false);
        Expect.Equal(model.Weights.BytesRead, 0, "the bytes read with a canceled token");
        using CancellationTokenSource cancel = new();
        Recorder progress = new() { OnReport = count => { if (count == 3) { cancel.Cancel(); } } };
        await RefuseAsync<OperationCanceledException>(tested, model, "loading that is canceled half way", progress: progress, token: cancel.Token).ConfigureAwait(false);
        LoadProgress last = progress.Reports[^1];
        Expect.That(last.LoadedBytes < last.TotalBytes, "an end before the whole shard", $"{last}");
    }

    public static async Task RefusesUnknownParts(BackendUnderTest tested)
    {
        MemoryModel plain = Plain();
        LayerSpec first = plain.Spec.Layers[0];
        GroupedQueryAttention attention = (GroupedQueryAttention)first.Mixer;
        await RefuseMixer(attention with { Rope = new RopeSpec(10000, new UnknownScaling()) }, nameof(UnknownScaling)).ConfigureAwait(false);
        await RefuseMixer(new UnknownMixer { Norm = attention.Norm }, nameof(UnknownMixer)).ConfigureAwait(false);
        await Refuse(plain.Spec with { Layers = [.. plain.Spec.Layers, first with { FeedForward = new UnknownFeedForward { Norm = attention.Norm } }] }, nameof(UnknownFeedForward)).ConfigureAwait(false);
        await Refuse(plain.Spec with { Head = plain.Spec.Head with { Quantization = new QuantizationSpec(7, 64) } }, "7 bits").ConfigureAwait(false);
        await Refuse(plain.Spec with { Head = plain.Spec.Head with { Quantization = new QuantizationSpec(4, 256) } }, "groups of 256").ConfigureAwait(false);
        await RefuseMixer(attention with { HeadSize = 15 }, "15").ConfigureAwait(false);

        // The second layer, not the first: all are looked at.
        Task RefuseMixer(TokenMixer mixer, string name) => Refuse(plain.Spec with { Layers = [first, first with { Mixer = mixer }] }, name);

        async Task Refuse(ModelSpec spec, string name)
        {
            Availability answer = tested.Backend.Supports(spec);
            Expect.That(!answer.IsAvailable && answer.Reason.Contains(name, StringComparison.OrdinalIgnoreCase), $"a refusal that names '{name}'", $"{answer}");
            await RefuseAsync<UnsupportedModelException>(tested, new MadeModel(spec, plain.Weights, plain), $"a model with {name}").ConfigureAwait(false);
        }
    }

    public static async Task NamesAMissingWeight(BackendUnderTest tested)
    {
        MadeModel whole = PackedOrPlain(tested);
        foreach (string name in whole.Weights.Names.Where(static name => name.StartsWith("1.", StringComparison.Ordinal) || !char.IsAsciiDigit(name[0])))
        {
            MadeModel model = PackedOrPlain(tested);
            model.Weights.Remove(name);
            ModelFormatException error = await RefuseAsync<ModelFormatException>(tested, model, $"a model without {name}").ConfigureAwait(false);
            Expect.Equal(error.Tensor, name, "the tensor that is named");
        }
    }

    public static async Task RefusesAnotherWeight(BackendUnderTest tested)
    {
        foreach (string name in (string[])["0.up.weight", "0.k.bias", "1.down.weight", "final_norm"])
        {
            foreach ((ElementType type, int more) in ((ElementType, int)[])[(ElementType.Int64, 0), (ElementType.Float32, 1)])
            {
                MadeModel model = TestModel.Of(Plain());
                TensorInfo info = model.Weights.Describe(name);
                int[] shape = [.. info.Shape];
                shape[^1] += more;
                model.Weights.Add(name, type, new byte[shape.Aggregate(type.SizeInBytes(), static (a, b) => a * b)], shape);
                ModelFormatException error = await RefuseAsync<ModelFormatException>(tested, model, $"{name} of {type} [{string.Join(", ", shape)}]").ConfigureAwait(false);
                Expect.Equal(error.Tensor, name, "the tensor that is named");
                Expect.That(
                    error.Expected?.Contains($"[{string.Join(", ", info.Shape)}]", StringComparison.Ordinal) == true
                        && error.Found?.Contains($"{type} [{string.Join(", ", shape)}]", StringComparison.Ordinal) == true,
                    $"the shape [{string.Join(", ", info.Shape)}] as expected and {type} [{string.Join(", ", shape)}] as found",
                    error.Message);
            }
        }
    }

    public static async Task RefusesWrongAssignments(BackendUnderTest tested)
    {
        MadeModel model = PackedOrPlain(tested);
        ShardAssignment whole = ShardSet.Whole(model.Spec);
        await RefuseAsync<ArgumentException>(tested, model, "an assignment of another group's size", whole with { WorldSize = 2 }).ConfigureAwait(false);
        await RefuseAsync<PlanRefusedException>(
            tested, model, "an assignment that reaches outside a matrix", whole with { Channels = new IndexRange(0, model.Spec.CountOf(SplitUnit.Channel) + 64) }).ConfigureAwait(false);
        if (model.Spec.Head.Quantization is not null)
        {
            await RefuseAsync<PlanRefusedException>(
                tested, model, "a cut inside a group of inputs that share a scale", whole with { Channels = new IndexRange(0, 48) }).ConfigureAwait(false);
        }
    }

    public static async Task RefusesWrongOptions(BackendUnderTest tested)
    {
        MadeModel model = TestModel.Of(Plain());
        ShardOptions sound = new() { ContextLength = 32 };
        await Refuse(nameof(ShardOptions.ContextLength), sound with { ContextLength = 0 }).ConfigureAwait(false);
        await Refuse(nameof(ShardOptions.MaxSequences), sound with { MaxSequences = 0 }).ConfigureAwait(false);
        await Refuse(nameof(ShardOptions.MaxBatchTokens), sound with { MaxBatchTokens = -1 }).ConfigureAwait(false);
        await Refuse(nameof(ShardOptions.ThreadCount), sound with { ThreadCount = 0 }).ConfigureAwait(false);

        async Task Refuse(string name, ShardOptions options)
        {
            ConfigurationException error = await RefuseAsync<ConfigurationException>(tested, model, $"{name} out of its range", options: options).ConfigureAwait(false);
            Expect.That(error.Message.Contains(name, StringComparison.Ordinal), $"an error that names {name}", $"'{error.Message}'");
        }
    }

    public static async Task<T> RefuseAsync<T>(
        BackendUnderTest tested,
        MadeModel model,
        string what,
        ShardAssignment? assignment = null,
        ShardOptions? options = null,
        IProgress<LoadProgress>? progress = null,
        CancellationToken token = default)
        where T : Exception
    {
        using TestGroup group = await TestGroup.ConnectAsync(size: 1).ConfigureAwait(false);
        return await Expect.ThrowsAsync<T>(
            async () => (await tested.Backend.LoadAsync(
                model.Spec, assignment ?? ShardSet.Whole(model.Spec), model.Weights, group.Ranks[0], options ?? new ShardOptions { ContextLength = 32 }, progress, token)
                .ConfigureAwait(false)).Dispose(),
            what).ConfigureAwait(false);
    }

    private static MemoryModel Plain() => new(new ModelShape { HasBias = true, Seed = 50 });

    /// <summary>A model of 4 bits where the backend has it, so that scales and group biases are checked too.</summary>
    private static MadeModel PackedOrPlain(BackendUnderTest tested)
    {
        MemoryModel packed = new(new ModelShape { Packing = new QuantizationSpec(4, 32), HasBias = true, Seed = 50 });
        return TestModel.Of(tested.Backend.Supports(packed.Spec).IsAvailable ? packed : Plain());
    }

    private static TestGroup Alone() => TestGroup.ConnectAsync(size: 1).GetAwaiter().GetResult();

    private static IModelShard Load(BackendUnderTest tested, MadeModel model, TestGroup group, IProgress<LoadProgress>? progress = null) => tested.Backend.LoadAsync(
        model.Spec, ShardSet.Whole(model.Spec), model.Weights, group.Ranks[0], new ShardOptions { ContextLength = 32 }, progress).AsTask().GetAwaiter().GetResult();

    private sealed record UnknownScaling : RopeScaling;

    private sealed record UnknownCache : CacheSpec
    {
        public override string Kind => nameof(UnknownCache);

        public override long BytesPerToken(IRankShare share, KeyValuePrecision form) => 1;
    }

    private sealed record UnknownMixer : TokenMixer
    {
        public override string Kind => nameof(UnknownMixer);

        public override string Dimensions => "none";

        public override IReadOnlyList<LinearSpec> Linears => [];

        public override IReadOnlyList<Division> Divisions => [];

        public override IReadOnlyList<CacheSpec> Caches => [new UnknownCache()];

        public override long BufferWidth(IRankShare share, int contextLength) => 0;
    }

    private sealed record UnknownFeedForward : FeedForward
    {
        public override string Kind => nameof(UnknownFeedForward);

        public override string Dimensions => "none";

        public override IReadOnlyList<LinearSpec> Linears => [];

        public override IReadOnlyList<Division> Divisions => [];

        public override long BufferWidth(IRankShare share, int contextLength) => 0;
    }

    private sealed class Recorder : IProgress<LoadProgress>
    {
        public List<LoadProgress> Reports { get; } = [];

        public Action<int>? OnReport { get; init; }

        public void Report(LoadProgress value)
        {
            int count;
            lock (Reports)
            {
                Reports.Add(value);
                count = Reports.Count;
            }

            OnReport?.Invoke(count);
        }
    }
}
