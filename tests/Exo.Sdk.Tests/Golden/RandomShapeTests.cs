using Exo.Sdk.Models;
using Exo.Sdk.Testing;
using Xunit.Abstractions;

namespace Exo.Sdk.Tests.Golden;

/// <summary>Several ranks against one, for shapes that the golden models do not have.</summary>
public sealed class RandomShapeTests(ITestOutputHelper output) : IDisposable
{
    private const double Tolerance = 1e-4;
    private const int DecodeSteps = 32;

    private readonly string _folder = Directory.CreateTempSubdirectory("exo-shape-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string, RandomModelOptions, string[]> Shapes => new()
    {
        {
            "nothing divides evenly",
            new() { HiddenSize = 72, QueryHeadCount = 15, KeyValueHeadCount = 5, HeadSize = 6, IntermediateSize = 211, VocabularySize = 307, IsHeadTied = true },
            ["1:1", "7:2:3", "1:1:1:1", "1:1:1:1:1"]
        },
        {
            "key-value heads repeated",
            new() { QueryHeadCount = 16, KeyValueHeadCount = 4, HasBiases = true },
            ["1:1:1:1:1:1", "1:2:1:1:3:1:1:1"]
        },
        {
            "one key-value head for all",
            new() { QueryHeadCount = 7, KeyValueHeadCount = 1, HeadSize = 32, RopeScaling = new LinearRopeScaling(4) },
            ["1:1", "1:3:1", "4:1:1:1"]
        },
        {
            "wide, llama3 rope, half precision",
            new()
            {
                HiddenSize = 384,
                HeadSize = 64,
                IntermediateSize = 1000,
                VocabularySize = 2000,
                Type = ElementType.Float16,
                RopeScaling = new Llama3RopeScaling(8, 1, 4, 32),
            },
            ["1:1", "2:1:1"]
        },
        {
            "mistral, window, brain floats",
            new() { Family = RandomModelFamily.Mistral, SlidingWindow = 11, Type = ElementType.BFloat16, IsHeadTied = true },
            ["1:1", "1:1:1:1"]
        },
        {
            "qwen2, 4 bits by 64",
            new()
            {
                Family = RandomModelFamily.Qwen2,
                HiddenSize = 256,
                QueryHeadCount = 6,
                KeyValueHeadCount = 2,
                HeadSize = 64,
                IntermediateSize = 448,
                Type = ElementType.BFloat16,
                Quantization = new QuantizationSpec(4, 64),
            },
            ["5:1", "1:1:1", "1:1:1:1:1:1"]
        },
        {
            "qwen3, 8 bits by 32, biases",
            new()
            {
                Family = RandomModelFamily.Qwen3,
                HiddenSize = 96,
                QueryHeadCount = 4,
                KeyValueHeadCount = 4,
                HeadSize = 128,
                IntermediateSize = 288,
                HasBiases = true,
                IsHeadTied = true,
                Quantization = new QuantizationSpec(8, 32),
            },
            ["1:1", "2:1:1", "1:1:1:1"]
        },
        {
            "4 bits by 128 and every override",
            new()
            {
                HiddenSize = 256,
                HeadSize = 64,
                IntermediateSize = 640,
                Type = ElementType.Float16,
                Quantization = new QuantizationSpec(4, 128),
                QuantizationOverrides = new Dictionary<string, QuantizationSpec?>
                {
                    ["model.layers.0.mlp.down_proj"] = new(8, 32),
                    ["model.layers.1.self_attn.o_proj"] = new(8, 64),
                    ["model.layers.1.mlp.gate_proj"] = null,
                    ["lm_head"] = null,
                },
            },
            ["1:1", "3:1:1", "1:1:1:1"]
        },
    };

    [Theory]
    [MemberData(nameof(Shapes), DisableDiscoveryEnumeration = true)]
    public void Several_ranks_agree_with_one(string name, RandomModelOptions options, string[] divisions)
    {
        RandomModel.Write(_folder, options);
        (int[] prompt, int[] continuation) = Tokens(options.VocabularySize);
        float[][] alone = new ShardRun(_folder, [1]).TeacherForced(prompt, continuation);
        output.WriteLine($"{name}: largest logit {alone.Max(static row => row.Max(MathF.Abs)):F1}");
        alone.Should().OnlyContain(row => row.Max(MathF.Abs) > 1 && row.Max(MathF.Abs) < 30, "random models are scaled so");

        foreach (string division in divisions)
        {
            double error = LogitError.Largest(new ShardRun(_folder, Division.Shares(division)).TeacherForced(prompt, continuation), alone);
            output.WriteLine($"{name} {division}: largest relative error {error:E2} against one rank");
            error.Should().BeLessThanOrEqualTo(Tolerance, division);
        }
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2:1")]
    public void A_sequence_does_not_depend_on_its_neighbors_or_on_how_its_prompt_is_cut(string division)
    {
        RandomModel.Write(_folder, new RandomModelOptions { Seed = 5 });
        (int[] prompt, int[] other) = Tokens(320);
        ShardRun run = new(_folder, Division.Shares(division));
        float[] alone = run.TeacherForced(prompt, [])[0];
        float[][] rows = new float[3][];

        run.OnEveryRank(shard =>
        {
            shard.Allocate(0);
            shard.Allocate(1);
            int[] mixed = [.. other[..9], .. prompt[..6]];
            shard.Forward(new StepBatch(mixed, [new(1, 0, 9, StepLogits.None), new(0, 0, 6, StepLogits.None)]), []);
            int[] rest = [.. prompt[6..], .. other[9..11]];
            float[] both = run.LogitsOf(shard, 2);
            shard.Forward(new StepBatch(rest, [new(0, 6, prompt.Length - 6, StepLogits.Last), new(1, 9, 2, StepLogits.Last)]), both);

            // The second slot becomes a copy of the first with the prompt's end cut off, and takes that end again.
            shard.Free(1);
            shard.Fork(0, 1);
            shard.Truncate(1, prompt.Length - 3);
            float[] forked = run.LogitsOf(shard, 1);
            shard.Forward(new StepBatch(prompt.AsSpan(prompt.Length - 3), [new(1, prompt.Length - 3, 3, StepLogits.Last)]), forked);
            if (shard.Assignment.Rank == 0)
            {
                (rows[0], rows[1], rows[2]) = (both[..320], both[320..], forked);
            }
        });

        foreach ((string what, float[] row) in new[] { ("with a neighbor", rows[0]), ("forked and truncated", rows[2]) })
        {
            double error = LogitError.Largest([row], [alone]);
            output.WriteLine($"{division} {what}: relative error {error:E2}");
            error.Should().BeLessThanOrEqualTo(1e-5, what);
        }

        LogitError.Largest([rows[1]], [run.TeacherForced(other[..11], [])[0]]).Should().BeLessThanOrEqualTo(1e-5);
    }

    private static (int[] Prompt, int[] Continuation) Tokens(int vocabulary)
    {
        Random random = new(7);
        int[] drawn = [.. Enumerable.Range(0, 17 + DecodeSteps).Select(_ => random.Next(vocabulary))];
        (drawn[1], drawn[20]) = (0, vocabulary - 1);
        return (drawn[..17], drawn[17..]);
    }
}
