using Exo.Sdk.Cpu.Weights;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;
using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests;

public sealed class LogitsTests(ITestOutputHelper output)
{
    private const int DecodeSteps = 32;
    private const double Bound = 2e-5;
    private const double IntegerBound = 8e-2;

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void Every_register_width_agrees_with_the_formulas(int lanes)
    {
        foreach (ModelShape shape in (ModelShape[])[
            new() { Hidden = 53, HeadSize = 10, Channels = 77, HasBias = true, HasQueryKeyNorm = true, Type = ElementType.Float16, Seed = 24 },
            new() { Packing = new(4, 32), Hidden = 96, Channels = 160, IsTied = true, Window = 6, Seed = 25 }])
        {
            MemoryModel model = new(shape);
            using ShardSet shards = new(new BackendOf(lanes), model);
            Follow(model, shards).Should().BeLessThan(Bound);
        }

        MatrixFactory.BestLanes.Should().BeOneOf(4, 8, 16);
    }

    [Theory]
    [InlineData(2, 32, IntegerBound)]
    [InlineData(3, 64, IntegerBound)]
    [InlineData(4, 32, IntegerBound)]
    [InlineData(4, 64, IntegerBound)]
    [InlineData(4, 128, IntegerBound)]
    [InlineData(5, 64, IntegerBound)]
    [InlineData(6, 128, IntegerBound)]
    [InlineData(8, 64, Bound)]
    public void Integer_activations_agree_within_their_own_bound(int bits, int groupSize, double bound)
    {
        MemoryModel model = new(new ModelShape { Hidden = 256, QueryHeads = 8, Channels = 384, Packing = new(bits, groupSize), HasBias = true, Seed = 20 });
        using ShardSet shards = new(new CpuBackend(), model, options: new ShardOptions
        {
            ContextLength = 64,
            Activations = ActivationPrecision.Int8,
            KeyValues = KeyValuePrecision.Float32,
        });
        double error = Follow(model, shards);
        error.Should().BeLessThan(bound);
        if (bits < 8)
        {
            error.Should().BeGreaterThan(Bound, "the integer path must really be taken");
        }
    }

    [Theory]
    [InlineData(KeyValuePrecision.Float32, Bound)]
    [InlineData(KeyValuePrecision.Float16, 2e-3)]
    [InlineData(KeyValuePrecision.BFloat16, 2e-2)]
    [InlineData(KeyValuePrecision.Int8, 3e-2)]
    public void Forms_of_keys_and_values_change_logits_within_their_bounds(KeyValuePrecision precision, double bound)
    {
        MemoryModel model = new(new ModelShape { Hidden = 128, HeadSize = 32, Layers = 3, HasBias = true, Seed = 26 });
        using ShardSet shards = new(new CpuBackend(), model, options: new ShardOptions { ContextLength = 64, KeyValues = precision });
        double error = Follow(model, shards);
        error.Should().BeLessThan(bound);
        if (precision != KeyValuePrecision.Float32)
        {
            error.Should().BeGreaterThan(bound / 100, "the form must really be used");
        }
    }

    private double Follow(MemoryModel model, ShardSet shards)
    {
        double error = shards.ErrorAgainst(model, prefill: 11, DecodeSteps);
        output.WriteLine($"largest relative error {error:e2}");
        return error;
    }

    /// <summary>The backend with registers of one width, whatever the machine has.</summary>
    private sealed class BackendOf(int lanes) : IComputeBackend
    {
        private readonly CpuBackend _inner = new();

        public string Name => _inner.Name;

        public Availability Probe() => _inner.Probe();

        public Availability Supports(ModelSpec spec) => _inner.Supports(spec);

        public ValueTask<IModelShard> LoadAsync(
            ModelSpec spec,
            ShardAssignment assignment,
            WeightSource weights,
            ICollective group,
            ShardOptions options,
            IProgress<LoadProgress>? progress = null,
            CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(_inner.Load(spec, assignment, weights, group, options, lanes, progress, cancellationToken));
    }
}
