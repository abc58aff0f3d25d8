using Exo.Sdk.Models;
using Exo.Sdk.Planning;
using Exo.Sdk.Testing;

namespace Exo.Sdk.OnnxRuntime.Tests;

public sealed class LoadTests : IDisposable
{
    private static readonly ModelShape Shape = new() { Packing = new(4, 32), HasBias = true, Seed = 50 };

    private readonly OnnxRuntimeBackend _backend = new();
    private readonly MemoryModel _model = new(Shape);
    private readonly TestGroup _group = TestGroup.ConnectAsync(size: 1).GetAwaiter().GetResult();

    public void Dispose() => _group.Dispose();

    [Fact]
    public void The_backend_is_available_and_says_its_version()
    {
        Availability answer = _backend.Probe();
        answer.IsAvailable.Should().BeTrue(answer.Reason);
        answer.Reason.Should().MatchRegex(@"^ONNX Runtime \d+\.\d+\.\d+$");
        _backend.Name.Should().Be("onnxruntime");
    }

    [Fact]
    public async Task Unknown_parts_are_refused_by_name()
    {
        ModelSpec odd = new MemoryModel(new ModelShape { Scaling = new UnknownScaling() }).Spec;
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
    public void Mapped_weights_give_the_same_logits_as_copied_ones()
    {
        int[] tokens = _model.Tokens(9, 1);
        MemoryModel mapped = new(Shape, isMapped: true);
        using (mapped.Weights)
        {
            using ShardSet copied = new(new OnnxRuntimeBackend(), _model);
            using ShardSet inPlace = new(new OnnxRuntimeBackend(), mapped);
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
        using ShardSet one = new(new OnnxRuntimeBackend(), model);
        using ShardSet several = new(new OnnxRuntimeBackend(), model, options: new ShardOptions { ThreadCount = threads, ContextLength = 64 });
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
            Reports.Add(value);
            OnReport?.Invoke(Reports.Count);
        }
    }
}
