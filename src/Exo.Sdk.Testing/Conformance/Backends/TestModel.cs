using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Testing.Conformance.Backends;

/// <summary>The backend, with what it says of itself.</summary>
internal sealed record BackendUnderTest(IComputeBackend Backend, BackendConformanceOptions Options)
{
    public bool Supports(TestModel model) => Backend.Supports(model.Make().Spec).IsAvailable;
}

/// <summary>A model as it is stored, and a plain one of the same numbers for the reference.</summary>
internal sealed record MadeModel(ModelSpec Spec, MemoryWeightSource Weights, MemoryModel Reference);

/// <summary>A kind of model that checks know.</summary>
internal sealed record TestModel(string Name, Func<MadeModel> Make)
{
    /// <summary>All that families and packings of today differ in.</summary>
    public static IReadOnlyList<TestModel> All { get; } = [.. Shapes().Select(Of), .. Packings().Select(Of), .. FloatPackings()];

    public static MadeModel Of(MemoryModel model) => new(model.Spec, model.Weights, model);

    private static TestModel Of(ModelShape shape) => new(shape.Name, () => Of(new MemoryModel(shape)));

    private static IEnumerable<ModelShape> Shapes() =>
    [
        new() { Name = "llama" },
        new() { Name = "llama, tied", IsTied = true, Seed = 2 },
        new() { Name = "qwen2: biases", HasBias = true, HasOutputBias = true, Seed = 3 },
        new() { Name = "qwen3: query and key norms", HasQueryKeyNorm = true, HeadSize = 32, Seed = 4 },
        new() { Name = "odd sizes", Hidden = 72, HeadSize = 24, QueryHeads = 3, KeyValueHeads = 1, Channels = 83, Vocabulary = 131, Seed = 5 },
        new() { Name = "heads of 8", Hidden = 40, HeadSize = 8, QueryHeads = 6, KeyValueHeads = 3, Channels = 44, Seed = 6 },
        new() { Name = "heads of 6", Hidden = 36, HeadSize = 6, QueryHeads = 6, KeyValueHeads = 2, Channels = 44, Seed = 6 },
        new() { Name = "sliding window 5", Window = 5, Seed = 7 },
        new() { Name = "sliding window 1", Window = 1, Seed = 7 },
        new() { Name = "llama3 rope", Scaling = new Llama3RopeScaling(8, 1, 4, 64), Seed = 8 },
        new() { Name = "linear rope", Scaling = new LinearRopeScaling(4), Seed = 9 },
        new() { Name = "bf16", Type = ElementType.BFloat16, Seed = 10 },
        new() { Name = "bf16, odd sizes", Type = ElementType.BFloat16, Hidden = 53, HeadSize = 16, Channels = 77, Seed = 11 },
        new() { Name = "f16", Type = ElementType.Float16, Seed = 12 },
        new() { Name = "windows in every second layer", Layers = 4, Vary = static (layer, attention) => attention with { SlidingWindow = layer % 2 == 0 ? null : 6 }, Seed = 40 },
        new() { Name = "windows of different sizes", Layers = 3, Vary = static (layer, attention) => attention with { SlidingWindow = 3 + (4 * layer) }, Seed = 41 },
        new()
        {
            Name = "ropes that differ by layer",
            Layers = 3,
            Vary = static (layer, attention) => attention with { Rope = layer == 1 ? new RopeSpec(1_000_000, new LinearRopeScaling(8)) : attention.Rope },
            Seed = 42,
        },
        new() { Name = "every second layer without rope", Layers = 4, HeadSize = 24, Vary = static (layer, attention) => attention with { Rope = layer % 2 == 0 ? attention.Rope : null }, Seed = 43 },
        new() { Name = "no rope", Vary = static (_, attention) => attention with { Rope = null }, Seed = 44 },
        new() { Name = "a factor of its own on scores", Vary = static (_, attention) => attention with { OwnScale = 0.1f }, Seed = 45 },
        new() { Name = "soft caps of scores", Vary = static (_, attention) => attention with { ScoreSoftcap = 1.5f }, Seed = 46 },
        new() { Name = "sinks", HasSinks = true, Window = 4, Seed = 47 },
        new() { Name = "normed results", HasResultNorms = true, Seed = 48 },
        new() { Name = "norms with weights from one", NormForm = NormForm.RootMeanSquareFromOne, HasQueryKeyNorm = true, Seed = 49 },
        new() { Name = "layer norms", NormForm = NormForm.LayerNorm, Seed = 51 },
        new() { Name = "gelu", Activation = Activation.Gelu, Seed = 52 },
        new() { Name = "gelu by tanh", Activation = Activation.GeluTanh, Seed = 53 },
        new()
        {
            Name = "an epsilon of its own in every norm",
            HasQueryKeyNorm = true,
            Vary = static (layer, attention) => attention with
            {
                Norm = attention.Norm with { Epsilon = 0.5f * (layer + 1) },
                QueryNorm = attention.QueryNorm! with { Epsilon = 2 },
            },
            Seed = 54,
        },
        new() { Name = "16 query heads to one key-value head", QueryHeads = 16, KeyValueHeads = 1, HeadSize = 8, Seed = 23 },
    ];

    private static IEnumerable<ModelShape> Packings()
    {
        ElementType[] types = [ElementType.Float32, ElementType.BFloat16, ElementType.Float16];
        foreach (int bits in (int[])[2, 3, 4, 5, 6, 8])
        {
            foreach (int group in (int[])[32, 64, 128])
            {
                yield return new ModelShape
                {
                    Name = $"{bits}-bit, groups of {group}",
                    Hidden = group == 32 ? 96 : 128,
                    QueryHeads = group == 32 ? 4 : 8,
                    Channels = group == 32 ? 160 : 256,
                    Packing = new QuantizationSpec(bits, group),
                    Type = types[(bits + (group / 32)) % 3],
                    HasBias = group == 128,
                    HasOutputBias = bits == 6,
                    IsTied = group != 128 && bits % 2 == 0,
                    Seed = (bits * 1000) + group,
                };
            }
        }
    }

    private static IEnumerable<TestModel> FloatPackings() => QuantizationFormat.Known.Where(static format => !format.HasGroupBiases)
        .SelectMany(static format => ((bool[])[false, true]).Select(isTied => new TestModel($"{format}{(isTied ? ", tied" : "")}", () =>
        {
            FloatPackedModel model = new(new ModelShape { HasBias = true, HasOutputBias = true, IsTied = isTied, Seed = 90 + format.Name.Length + format.Bits[0] }, format);
            return new MadeModel(model.Spec, model.Weights, model.Plain);
        })));
}

/// <summary>A model and a way to divide it among ranks.</summary>
internal sealed record TestDivision(string Name, MadeModel Model, ShardAssignment[] Parts)
{
    private static readonly ModelShape Dense = new()
    {
        Hidden = 96,
        QueryHeads = 8,
        KeyValueHeads = 4,
        Channels = 131,
        HasBias = true,
        HasOutputBias = true,
        Seed = 30,
    };

    private static readonly ModelShape Packed = Dense with { Hidden = 128, Channels = 256, Seed = 31 };

    public static IReadOnlyList<TestDivision> All { get; } =
    [
        Of("2 equal ranks", Dense, [2, 2], [65, 66], [49, 48]),
        Of("2 uneven ranks", Dense, [3, 1], [100, 31], [1, 96]),
        Of("3 ranks", Dense, [2, 1, 1], [1, 60, 70], [30, 40, 27]),
        Of("4 ranks", Dense, [1, 1, 1, 1], [30, 31, 35, 35], [25, 24, 24, 24]),
        Of("2 ranks, one without vocabulary", Dense, [2, 2], [65, 66], [97, 0]),
        MoreRanksThanHeads(),
        Of(
            "3 ranks, of layers that differ",
            Dense with
            {
                Layers = 4,
                Vary = static (layer, attention) => attention with
                {
                    SlidingWindow = layer % 2 == 0 ? null : 7,
                    Rope = layer % 2 == 0 ? new RopeSpec(500_000, new LinearRopeScaling(2)) : attention.Rope,
                },
            },
            [2, 1, 1],
            [40, 50, 41],
            [30, 40, 27]),
        .. ((int[])[2, 3, 4, 5, 6, 8]).SelectMany(static bits => new[]
        {
            Of($"2 uneven ranks of {bits} bits", Packed with { Packing = new QuantizationSpec(bits, 32) }, [3, 1], [96, 160], [90, 7]),
            Of($"3 ranks of {bits} bits", Packed with { Packing = new QuantizationSpec(bits, 32) }, [1, 2, 1], [64, 160, 32], [32, 32, 33]),
        }),
        .. QuantizationFormat.Known.Where(static format => !format.HasGroupBiases).Select(static format =>
        {
            FloatPackedModel model = new(new ModelShape { HasBias = true, HasOutputBias = true, Seed = 90 + format.Name.Length + format.Bits[0] }, format);
            return new TestDivision(
                $"2 ranks in {format}", new MadeModel(model.Spec, model.Weights, model.Plain), ShardSet.Divide(model.Spec, [1, 1], [64, 64], [50, 47]));
        }),
    ];

    private static TestDivision Of(string name, ModelShape shape, int[] heads, int[] channels, int[] tokens)
    {
        MadeModel model = TestModel.Of(new MemoryModel(shape));
        return new TestDivision(name, model, ShardSet.Divide(model.Spec, heads, channels, tokens));
    }

    private static TestDivision MoreRanksThanHeads()
    {
        MadeModel model = TestModel.Of(new MemoryModel(Dense with { KeyValueHeads = 2, QueryHeads = 6 }));
        ShardAssignment[] parts = ShardSet.Divide(model.Spec, [1, 1, 0, 0], [40, 40, 40, 11], [30, 30, 30, 7]);
        IndexRange[] queries = [new(0, 2), new(2, 1), new(3, 2), new(5, 1)];
        for (int rank = 0; rank < parts.Length; rank++)
        {
            parts[rank] = parts[rank] with { QueryHeads = queries[rank], KeyValueHeads = new IndexRange(rank / 2, 1) };
        }

        return new TestDivision("4 ranks that share 2 key-value heads", model, parts);
    }
}
