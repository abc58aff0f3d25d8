using Exo.Sdk.Models;
using Exo.Sdk.Planning;
using Exo.Sdk.Testing;

namespace Exo.Sdk.Cpu.Tests;

public sealed class LoadTests : IDisposable
{
    private static readonly ModelShape Shape = new() { Packing = new(4, 32), HasBias = true, Seed = 50 };

    private readonly CpuBackend _backend = new();
    private readonly MemoryModel _model = new(Shape);
    private readonly TestGroup _group = TestGroup.ConnectAsync(size: 1).GetAwaiter().GetResult();

    public void Dispose() => _group.Dispose();

    [Fact]
    public void The_backend_is_available_and_says_its_register_width()
    {
        Availability answer = _backend.Probe();
        answer.IsAvailable.Should().BeTrue(answer.Reason);
        answer.Reason.Should().MatchRegex(@"^registers of (128|256|512) bits$");
        _backend.Name.Should().Be("cpu");
    }

    [Fact]
    public async Task Unknown_parts_are_refused_by_name()
    {
        ModelSpec odd = new MemoryModel(new ModelShape { Scaling = new UnknownScaling() }).Spec;
        _backend.Supports(odd).Reason.Should().Contain(nameof(UnknownScaling));
        ModelSpec sevenBits = _model.Spec with { Head = _model.Spec.Head with { Quantization = new(7, 64) } };
        _backend.Supports(sevenBits).Reason.Should().Contain("head").And.Contain("7 bits");
        ModelSpec floats = _model.Spec with { Head = _model.Spec.Head with { Quantization = new(4, 32, QuantizationFormat.Mxfp4) } };
        _backend.Supports(floats).Reason.Should().Contain("head is packed as mxfp4").And.Contain("supported are affine with 2, 3, 4, 5, 6 or 8 bits");
        ModelSpec longGroups = _model.Spec with { Head = _model.Spec.Head with { Quantization = new(4, 256) } };
        _backend.Supports(longGroups).Reason.Should().Contain("head").And.Contain("groups of 256");
        ModelSpec oddHeads = new MemoryModel(new ModelShape { HeadSize = 15 }).Spec;
        _backend.Supports(oddHeads).Reason.Should().Contain("head size").And.Contain("15");
        await this.Invoking(_ => Load(odd)).Should().ThrowAsync<UnsupportedModelException>();
    }

    [Fact]
    public async Task An_error_of_the_source_reaches_the_caller_as_it_was()
    {
        IOException error = new("disk");
        Recorder progress = new() { OnReport = count => { if (count == 5) { throw error; } } };
        (await this.Invoking(_ => Load(progress: progress)).Should().ThrowAsync<IOException>()).Which.Should().BeSameAs(error);
    }

    [Fact]
    public async Task Options_that_cannot_work_are_refused()
    {
        await this.Invoking(_ => Load(options: new ShardOptions { ContextLength = 0 })).Should().ThrowAsync<ConfigurationException>();
        await this.Invoking(_ => Load(options: new ShardOptions { ThreadCount = -1 })).Should().ThrowAsync<ConfigurationException>();
        await this.Invoking(_ => Load(options: new ShardOptions { MaxSequences = 0 })).Should().ThrowAsync<ConfigurationException>();
        await this.Invoking(_ => Load(options: new ShardOptions { MaxBatchTokens = 0 })).Should().ThrowAsync<ConfigurationException>();
        await this.Invoking(_ => Load(options: new ShardOptions { KeyValues = (KeyValuePrecision)9 })).Should().ThrowAsync<ConfigurationException>();
        ShardAssignment other = ShardSet.Whole(_model.Spec) with { WorldSize = 2 };
        await this.Invoking(_ => Load(assignment: other)).Should().ThrowAsync<ArgumentException>();
    }

    private Task<IModelShard> Load(
        ModelSpec? spec = null,
        ShardAssignment? assignment = null,
        ShardOptions? options = null,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default) => _backend.LoadAsync(
            spec ?? _model.Spec,
            assignment ?? ShardSet.Whole(_model.Spec),
            _model.Weights,
            _group.Ranks[0],
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
