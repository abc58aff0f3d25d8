using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Tests.Support;
using Exo.Sdk.Planning;

namespace Exo.Sdk.OnnxRuntime.Tests;

public sealed class LoadTests
{
    private static readonly ModelShape Shape = new() { Packing = new(4, 32), HasBias = true, Seed = 50 };

    private readonly OnnxRuntimeBackend _backend = new();
    private readonly MemoryModel _model = new(Shape);

    [Fact]
    public void The_backend_is_available_and_says_its_version()
    {
        Availability answer = _backend.Probe();
        answer.IsAvailable.Should().BeTrue(answer.Reason);
        answer.Reason.Should().MatchRegex(@"^ONNX Runtime \d+\.\d+\.\d+$");
        _backend.Name.Should().Be("onnxruntime");
    }

    [Fact]
    public void A_model_it_can_run_is_supported() => _backend.Supports(_model.Spec).IsAvailable.Should().BeTrue();

    [Fact]
    public async Task Unknown_parts_are_refused_by_name()
    {
        ModelSpec odd = _model.Spec with { Rope = new RopeSpec(10000, new UnknownScaling()) };
        _backend.Supports(odd).Reason.Should().Contain(nameof(UnknownScaling));
        foreach (int bits in (int[])[3, 5, 6])
        {
            ModelSpec refused = _model.Spec with { Head = _model.Spec.Head with { Quantization = new(bits, 64) } };
            _backend.Supports(refused).Reason.Should().Contain("head").And.Contain($"{bits} bits").And.Contain("2, 4 or 8 bits");
        }

        ModelSpec floats = _model.Spec with { Head = _model.Spec.Head with { Quantization = new(8, 32, QuantizationFormat.Mxfp8) } };
        _backend.Supports(floats).Reason.Should().Contain("head is packed as mxfp8").And.Contain("supported are affine with 2, 4 or 8 bits");
        await this.Invoking(_ => Load(odd)).Should().ThrowAsync<UnsupportedModelException>();
    }

    [Fact]
    public async Task Progress_is_told_by_bytes_up_to_the_whole_shard()
    {
        Recorder progress = new();
        using IModelShard shard = await Load(progress: progress);
        progress.Reports.Should().HaveCount((_model.Spec.Layers.Count * 7) + 2);
        progress.Reports.Select(report => report.LoadedBytes).Should().BeInAscendingOrder();
        progress.Reports.Select(report => report.TotalBytes).Distinct().Should().Equal(progress.Reports[^1].LoadedBytes);
        shard.Memory.Weights.Should().BeGreaterThan(0);
        shard.Assignment.Should().Be(ShardSet.Split(_model.Spec));
    }

    [Fact]
    public async Task Loading_can_be_cancelled_half_way()
    {
        using CancellationTokenSource source = new();
        Recorder progress = new() { OnReport = count => { if (count == 3) { source.Cancel(); } } };
        await this.Invoking(_ => Load(progress: progress, cancellationToken: source.Token)).Should().ThrowAsync<OperationCanceledException>();
        progress.Reports.Should().HaveCount(3);
    }

    [Theory]
    [InlineData("1.q.weight")]
    [InlineData("0.down.scales")]
    [InlineData("1.gate.biases")]
    [InlineData("0.k.bias")]
    [InlineData("final_norm")]
    public async Task A_missing_weight_is_named(string name)
    {
        _model.Weights.Remove(name);
        (await this.Invoking(_ => Load()).Should().ThrowAsync<ModelFormatException>()).Which.Tensor.Should().Be(name);
    }

    [Theory]
    [InlineData("0.up.weight", ElementType.Float32, 128, 64, "UInt32 [128, 8]", "Float32 [128, 64]")]
    [InlineData("0.up.weight", ElementType.UInt32, 128, 7, "UInt32 [128, 8]", "UInt32 [128, 7]")]
    [InlineData("0.up.scales", ElementType.UInt32, 128, 2, "floating point [128, 2]", "UInt32 [128, 2]")]
    [InlineData("0.up.biases", ElementType.Float32, 2, 128, "floating point [128, 2]", "Float32 [2, 128]")]
    public async Task A_weight_of_another_shape_or_type_is_refused(string name, ElementType type, int rows, int columns, string expected, string found)
    {
        _model.Weights.Add(name, type, new byte[rows * columns * 4], rows, columns);
        ModelFormatException error = (await this.Invoking(_ => Load()).Should().ThrowAsync<ModelFormatException>()).Which;
        error.Tensor.Should().Be(name);
        error.Expected.Should().Be(expected);
        error.Found.Should().Be(found);
    }

    [Fact]
    public async Task A_cut_inside_a_group_of_inputs_is_refused()
    {
        ShardAssignment split = ShardSet.Split(_model.Spec) with { Channels = new IndexRange(0, 48) };
        await this.Invoking(_ => Load(assignment: split)).Should().ThrowAsync<PlanRefusedException>();
    }

    [Fact]
    public async Task Options_that_cannot_work_are_refused()
    {
        await this.Invoking(_ => Load(options: new ShardOptions { ContextLength = 0 })).Should().ThrowAsync<ConfigurationException>();
        await this.Invoking(_ => Load(options: new ShardOptions { ThreadCount = -1 })).Should().ThrowAsync<ConfigurationException>();
        ShardAssignment other = ShardSet.Split(_model.Spec) with { WorldSize = 2 };
        await this.Invoking(_ => Load(assignment: other)).Should().ThrowAsync<ArgumentException>();
    }

    [Fact]
    public void Mapped_weights_give_the_same_logits_as_copied_ones()
    {
        int[] tokens = _model.Tokens(9, 1);
        MemoryModel mapped = new(Shape, isMapped: true);
        using (mapped.Weights)
        {
            using ShardSet copied = new(_model);
            using ShardSet inPlace = new(mapped);
            foreach (ShardSet shards in (ShardSet[])[copied, inPlace])
            {
                shards.Do(shard => shard.Allocate(0));
            }

            inPlace.Forward(tokens, new SequenceStep(0, 0, 9, StepLogits.Last)).Should().BeEquivalentTo(copied.Forward(tokens, new SequenceStep(0, 0, 9, StepLogits.Last)));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void More_threads_give_the_same_logits(int threads)
    {
        MemoryModel model = new(new ModelShape { Packing = new(8, 32), Vocabulary = 1000, Channels = 512, Seed = 51 });
        using ShardSet one = new(model);
        using ShardSet several = new(model, options: new ShardOptions { ThreadCount = threads, ContextLength = 64 });
        int[] tokens = model.Tokens(20, 1);
        foreach (ShardSet shards in (ShardSet[])[one, several])
        {
            shards.Do(shard => shard.Allocate(0));
        }

        // ONNX Runtime cuts sums at other places when it has more threads.
        foreach ((int[] step, int position) in new[] { (tokens, 0), ([5], 20) })
        {
            SequenceStep sequence = new(0, position, step.Length, StepLogits.Last);
            double[] expected = Array.ConvertAll(one.Forward(step, sequence)[0], value => (double)value);
            Accuracy.Error(several.Forward(step, sequence)[0], expected).Should().BeLessThan(1e-5);
        }
    }

    [Fact]
    public async Task A_disposed_shard_refuses_to_work()
    {
        IModelShard shard = await Load();
        shard.Allocate(0);
        shard.Dispose();
        shard.Dispose();
        shard.Invoking(s => s.Allocate(1)).Should().Throw<ObjectDisposedException>();
        shard.Invoking(s => s.Free(0)).Should().Throw<ObjectDisposedException>();
        shard.Invoking(s => s.Forward(new StepBatch([1], [new SequenceStep(0, 0, 1, StepLogits.None)]), default)).Should().Throw<ObjectDisposedException>();
    }

    private Task<IModelShard> Load(
        ModelSpec? spec = null,
        ShardAssignment? assignment = null,
        ShardOptions? options = null,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default) => _backend.LoadAsync(
            spec ?? _model.Spec,
            assignment ?? ShardSet.Split(_model.Spec),
            _model.Weights,
            ThreadGroup.Create(1)[0],
            options ?? new ShardOptions { ContextLength = 32 },
            progress,
            cancellationToken).AsTask();

    private sealed record UnknownScaling : RopeScaling;

    private sealed class Recorder : IProgress<LoadProgress>
    {
        public List<LoadProgress> Reports { get; } = [];

        public Action<int>? OnReport { get; init; }

        public void Report(LoadProgress value)
        {
            Reports.Add(value);
            OnReport?.Invoke(Reports.Count);
        }
    }
}
