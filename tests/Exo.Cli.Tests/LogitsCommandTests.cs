using System.Text.Json;
using Exo.Sdk;
using Exo.Sdk.Models;
using Xunit.Abstractions;

namespace Exo.Cli.Tests;

/// <summary><c>exo logits</c>: numbers that other programs compare with theirs.</summary>
public sealed class LogitsCommandTests(ITestOutputHelper output)
{
    [Fact]
    public async Task One_and_two_ranks_give_the_same_logits_as_a_json_array()
    {
        float[] one = await LogitsAsync("--ranks", "1");
        float[] two = await LogitsAsync("--ranks", "2");
        using WeightSource weights = SafetensorsWeightSource.Open(TinyModel.Path);
        one.Should().HaveCount(ModelSpecReader.Read(TinyModel.Path, weights).VocabularySize);
        float scale = one.Max(Math.Abs);
        float error = one.Zip(two).Max(pair => Math.Abs(pair.First - pair.Second)) / scale;
        output.WriteLine($"largest error {error:E2} of the largest logit {scale:F2}");
        error.Should().BeLessThan(1e-4f);
        one.Distinct().Count().Should().BeGreaterThan(one.Length / 2, "real logits are not all alike");
    }

    [Fact]
    public async Task Without_json_each_vocabulary_entry_has_a_line()
    {
        ExoResult result = await ExoProcess.RunAsync("logits", "--tokens", "1,2,3", "--threads", "1");
        string[] lines = result.Output.TrimEnd('\n').Split('\n');
        float[] json = await LogitsAsync("--ranks", "1");
        lines.Should().HaveCount(json.Length);
        lines[7].Should().Be(FormattableString.Invariant($"7\t{json[7]:R}"));
    }

    private static async Task<float[]> LogitsAsync(params string[] ranks)
    {
        ExoResult result = await ExoProcess.RunAsync(["logits", "--tokens", "1,2,3", "--json", "--threads", "1", .. ranks]);
        result.ExitCode.Should().Be(0, result.Error);
        return JsonSerializer.Deserialize<float[]>(result.Output)!;
    }
}
