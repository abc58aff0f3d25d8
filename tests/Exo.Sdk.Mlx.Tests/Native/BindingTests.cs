using Exo.Sdk.Mlx.Tests.Support;
using Exo.Sdk.Models;
using Exo.Sdk.Tests.Golden;
using Exo.Sdk.Tests.Models;

namespace Exo.Sdk.Mlx.Tests.Native;

/// <summary>
/// The whole backend on the stand-in, which has mlx-c's calling conventions and keeps books: every handle freed once, every call on the
/// right thread, every argument where C expects it, every failure an exception.
/// </summary>
public sealed class BindingTests
{
    private const double Tolerance = 1e-4;

    public static TheoryData<string> Models => [.. GoldenModels.Names];

    public static TheoryData<string> Operations =>
    [
        "mlx_array_new_data", "mlx_take_axis", "mlx_dequantize", "mlx_fast_rms_norm", "mlx_quantized_matmul", "mlx_add", "mlx_reshape",
        "mlx_transpose_axes", "mlx_fast_rope", "mlx_zeros", "mlx_slice_update", "mlx_slice", "mlx_fast_scaled_dot_product_attention",
        "mlx_sigmoid", "mlx_multiply", "mlx_concatenate_axis", "mlx_contiguous", "mlx_eval",
    ];

    [StandinTheory]
    [MemberData(nameof(Models))]
    public void The_models_agree_with_the_independent_implementation(string model) => Follow(new Standin(), model, 1);

    [StandinTheory]
    [InlineData("llama-f32-biases")]
    [InlineData("qwen2-mlx-4bit-g32")]
    public void Two_ranks_on_threads_of_one_process_agree_with_it(string model) => Follow(new Standin(), model, 1, 1);

    [StandinFact]
    public void The_older_form_of_the_library_does_the_same() => Follow(new Standin(StandinForm.OldGroups), "qwen3-mlx-8bit-g32", 1);

    [StandinTheory]
    [MemberData(nameof(Operations))]
    public void A_failing_operation_is_an_exception_and_the_shard_goes_on(string operation)
    {
        Standin standin = new();
        MemoryModel model = new(new ModelShape { Packing = new QuantizationSpec(4, 32), HasBias = true, Seed = 21 });
        int[] text = model.Tokens(12, 1);
        double[][] expected = new ReferenceModel(model).Logits(text);
        float[] logits = new float[2 * 97];
        using (IModelShard shard = Ranks.Load(standin.Backend, model.Spec, model.Weights))
        {
            shard.Allocate(0);
            shard.Allocate(1);
            long live = standin.Live;
            standin.Fail(operation);

            shard.Invoking(s => Step(s)).Should().Throw<BackendException>()
                .WithMessage($"MLX refuses *[{operation}] the stand-in was told to fail.");

            Step(shard);
            Accuracy.Error(logits.AsSpan(0, 97), expected[4]).Should().BeLessThan(Tolerance);
            Accuracy.Error(logits.AsSpan(97, 97), expected[6]).Should().BeLessThan(Tolerance);

            // What stays are the caches: keys and values of two layers and two sequences.
            standin.Live.Should().Be(live + 8);
        }

        standin.Live.Should().Be(0);
        standin.ShouldBeInOrder();

        void Step(IModelShard shard) => shard.Forward(new StepBatch([.. text[..5], .. text[..7]], [new(0, 0, 5, StepLogits.Last), new(1, 0, 7, StepLogits.Last)]), logits);
    }

    [StandinTheory]
    [InlineData("mlx_array_new_data")]
    [InlineData("mlx_astype")]
    [InlineData("mlx_array_eval")]
    [InlineData("mlx_transpose_axes")]
    public void A_failure_while_loading_leaves_nothing_behind(string operation)
    {
        Standin standin = new();
        MemoryModel model = new(new ModelShape { Type = ElementType.BFloat16, Seed = 22 });
        standin.Backend.Probe().IsAvailable.Should().BeTrue();
        standin.Fail(operation);

        FluentActions.Invoking(() => Ranks.Load(standin.Backend, model.Spec, model.Weights)).Should().Throw<BackendException>().WithMessage($"*[{operation}] the stand-in was told to fail*");

        standin.Live.Should().Be(0);
        standin.ShouldBeInOrder();
    }

    [StandinFact]
    public void A_damaged_model_leaves_nothing_behind()
    {
        Standin standin = new();
        MemoryModel model = new(new ModelShape { Seed = 23 });
        model.Weights.Remove("1.up.weight");

        FluentActions.Invoking(() => Ranks.Load(standin.Backend, model.Spec, model.Weights)).Should().Throw<ModelFormatException>();

        standin.Live.Should().Be(0);
    }

    [StandinFact]
    public void Loading_can_be_cancelled()
    {
        Standin standin = new();
        MemoryModel model = new(new ModelShape { Seed = 24 });
        using CancellationTokenSource cancellation = new();
        Progress progress = new(reports =>
        {
            if (reports == 5)
            {
                cancellation.Cancel();
            }
        });

        FluentActions.Invoking(() => standin.Backend.LoadAsync(
                model.Spec, Ranks.Whole(model.Spec), model.Weights, new LoneGroup(), Ranks.Options, progress, cancellation.Token).AsTask().GetAwaiter().GetResult())
            .Should().Throw<OperationCanceledException>();

        progress.Last.LoadedBytes.Should().BeInRange(1, progress.Last.TotalBytes - 1);
        standin.Live.Should().Be(0);
    }

    [StandinFact]
    public void A_thousand_steps_leave_no_handle_behind()
    {
        Standin standin = new();
        MemoryModel model = new(new ModelShape { Seed = 25 });
        float[] logits = new float[97];
        using (IModelShard shard = Ranks.Load(standin.Backend, model.Spec, model.Weights))
        {
            long loaded = standin.Live;
            for (int round = 0; round < 20; round++)
            {
                shard.Allocate(0);
                for (int position = 0; position < 50; position++)
                {
                    shard.Forward(new StepBatch([position], [new(0, position, 1, position % 2 == 0 ? StepLogits.Last : StepLogits.None)]), logits);
                }

                shard.Fork(0, 1);
                shard.Truncate(1, 3);
                shard.Free(0);
                shard.Free(1);
                standin.Live.Should().Be(loaded);
            }
        }

        standin.Live.Should().Be(0);
        standin.Evaluations.Should().BeGreaterThanOrEqualTo(1000);
        standin.ShouldBeInOrder();
    }

    [StandinFact]
    public void Disposing_twice_and_with_open_sequences_frees_everything_once()
    {
        Standin standin = new();
        MemoryModel model = new(new ModelShape { Seed = 26 });
        IModelShard shard = Ranks.Load(standin.Backend, model.Spec, model.Weights);
        shard.Allocate(0);
        shard.Forward(new StepBatch([1, 2, 3], [new(0, 0, 3, StepLogits.None)]), default);
        shard.Fork(0, 2);

        shard.Dispose();
        shard.Dispose();

        standin.Live.Should().Be(0);
        standin.ShouldBeInOrder();
        shard.Invoking(s => s.Allocate(1)).Should().Throw<ObjectDisposedException>();
    }

    private static void Follow(Standin standin, string model, params double[] shares)
    {
        string folder = GoldenModels.PathOf(model);
        GoldenExpectation expected = GoldenExpectation.Read(folder);
        ModelSpec spec;
        using (var weights = SafetensorsWeightSource.Open(folder))
        {
            spec = ModelSpecReader.Read(folder, weights);
        }

        float[][] rows = [];
        Ranks.Run(spec, Ranks.Divide(spec, shares), () => SafetensorsWeightSource.Open(folder), shard =>
        {
            float[][] answer = Ranks.TeacherForced(shard, spec.VocabularySize, expected.Prompt, expected.Continuation);
            rows = shard.Assignment.Rank == 0 ? answer : rows;
        }, standin.Backend);

        LogitError.Largest(rows, expected.Logits).Should().BeLessThan(Tolerance);
        standin.Live.Should().Be(0);
        standin.ShouldBeInOrder();
    }

    private sealed class Progress(Action<int> onReport) : IProgress<LoadProgress>
    {
        private int _reports;

        public LoadProgress Last { get; private set; }

        public void Report(LoadProgress value)
        {
            Last = value;
            onReport(++_reports);
        }
    }
}
