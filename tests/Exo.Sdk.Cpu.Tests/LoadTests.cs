using Exo.Sdk.Cpu.Tests.Support;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu.Tests;

public sealed class LoadTests
{
    private static readonly ModelShape Shape = new() { Packing = new(4, 32), HasBias = true, Seed = 50 };

    private readonly CpuBackend _backend = new();
    private readonly MemoryModel _model = new(Shape);

    [Fact]
    public void The_backend_is_available_and_says_its_register_width()
    {
        Availability answer = _backend.Probe();
        answer.IsAvailable.Should().BeTrue(answer.Reason);
        answer.Reason.Should().MatchRegex(@"^registers of (128|256|512) bits$");
        _backend.Name.Should().Be("cpu");
    }

    [Fact]
    public void A_model_it_can_run_is_supported() => _backend.Supports(_model.Spec).IsAvailable.Should().BeTrue();

    [Fact]
    public async Task Unknown_parts_are_refused_by_name()
    {
        ModelSpec odd = _model.Spec with { Rope = new RopeSpec(10000, new UnknownScaling()) };
        _backend.Supports(odd).Reason.Should().Contain(nameof(UnknownScaling));
        ModelSpec sevenBits = _model.Spec with { Head = _model.Spec.Head with { Quantization = new(7, 64) } };
        _backend.Supports(sevenBits).Reason.Should().Contain("head").And.Contain("7 bits");
        ModelSpec floats = _model.Spec with { Head = _model.Spec.Head with { Quantization = new(4, 32, QuantizationFormat.Mxfp4) } };
        _backend.Supports(floats).Reason.Should().Contain("head is packed as mxfp4").And.Contain("supported are affine with 2, 3, 4, 5, 6 or 8 bits");
        ModelSpec longGroups = _model.Spec with { Head = _model.Spec.Head with { Quantization = new(4, 256) } };
        _backend.Supports(longGroups).Reason.Should().Contain("head").And.Contain("groups of 256");
        ModelSpec oddHeads = _model.Spec with { Attention = _model.Spec.Attention with { HeadSize = 15 } };
        _backend.Supports(oddHeads).Reason.Should().Contain("head size").And.Contain("15");
        await this.Invoking(_ => Load(odd)).Should().ThrowAsync<UnsupportedModelException>();
    }

    [Fact]
    public async Task Progress_is_told_by_bytes_up_to_the_whole_shard()
    {
        Recorder progress = new();
        using IModelShard shard = await Load(progress: progress);
        progress.Reports.Select(report => report.LoadedBytes).Should().BeInAscendingOrder();
        progress.Reports.Select(report => report.TotalBytes).Distinct().Should().Equal(progress.Reports[^1].LoadedBytes);
        progress.Reports[^1].LoadedBytes.Should().Be(_model.Weights.BytesRead, "every byte that is read is told, and none is read twice");
        shard.Memory.Weights.Should().BeGreaterThan(0);
        shard.Assignment.Should().Be(ShardSet.Split(_model.Spec));
    }

    [Fact]
    public async Task Loading_can_be_cancelled_half_way()
    {
        using CancellationTokenSource source = new();
        Recorder progress = new() { OnReport = count => { if (count == 3) { source.Cancel(); } } };
        await this.Invoking(_ => Load(progress: progress, cancellationToken: source.Token)).Should().ThrowAsync<OperationCanceledException>();
        progress.Reports.Count.Should().BeInRange(3, 3 + Environment.ProcessorCount, "each loading thread finishes at most the piece under way");
        LoadProgress last = progress.Reports[^1];
        last.LoadedBytes.Should().BeLessThan(last.TotalBytes);
    }

    [Fact]
    public async Task A_token_cancelled_before_loading_reads_nothing()
    {
        await this.Invoking(_ => Load(cancellationToken: new CancellationToken(canceled: true))).Should().ThrowAsync<OperationCanceledException>();
        _model.Weights.BytesRead.Should().Be(0);
    }

    [Fact]
    public async Task An_error_of_the_source_reaches_the_caller_as_it_was()
    {
        IOException error = new("disk");
        Recorder progress = new() { OnReport = count => { if (count == 5) { throw error; } } };
        (await this.Invoking(_ => Load(progress: progress)).Should().ThrowAsync<IOException>()).Which.Should().BeSameAs(error);
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
        await this.Invoking(_ => Load(options: new ShardOptions { MaxSequences = 0 })).Should().ThrowAsync<ConfigurationException>();
        await this.Invoking(_ => Load(options: new ShardOptions { MaxBatchTokens = 0 })).Should().ThrowAsync<ConfigurationException>();
        await this.Invoking(_ => Load(options: new ShardOptions { KeyValues = (KeyValuePrecision)9 })).Should().ThrowAsync<ConfigurationException>();
        ShardAssignment other = ShardSet.Split(_model.Spec) with { WorldSize = 2 };
        await this.Invoking(_ => Load(assignment: other)).Should().ThrowAsync<ArgumentException>();
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
