using Exo.Golden.Reference;
using Exo.Sdk;
using static TorchSharp.torch;

namespace Exo.Golden;

/// <summary>
/// Ignores one feature of a model at a time and prints how far the logits move. A golden file tests a feature only if ignoring
/// it moves the logits well beyond the tolerance. The first line of a model, the same sums in float32, is the noise to expect.
/// </summary>
internal static class Sensitivity
{
    public static void Print(string folder)
    {
        var expectation = Expectation.Read(folder);
        string name = Path.GetFileName(folder);
        using var reference = new Decoder(folder);
        PrintError("computed in float32", reference.Config, ScalarType.Float32);
        foreach (var (feature, changed) in Mutations(reference.Config))
        {
            PrintError(feature, changed, ScalarType.Float64);
        }

        void PrintError(string feature, ModelConfig config, ScalarType arithmetic)
        {
            using var decoder = new Decoder(config, folder, arithmetic);
            double error = Expectation.RelativeError(Expectation.TeacherForced(decoder, expectation.Prompt, expectation.Continuation), expectation.Logits);
            Console.WriteLine($"{name,-28} {feature,-26} {error:E1}");
        }
    }

    private static IEnumerable<(string Feature, ModelConfig Changed)> Mutations(ModelConfig config)
    {
        yield return ("norm epsilon 0", config with { NormEpsilon = 0 });
        yield return ("rope theta ×1.5", config with { Rope = config.Rope with { Theta = config.Rope.Theta * 1.5 } });
        if (config.Rope.Scaling != "default")
        {
            yield return ("rope unscaled", config with { Rope = new RopeParameters(config.Rope.Theta) });
        }

        if (config.Rope.Scaling == "llama3")
        {
            yield return ("rope scaled as linear", config with { Rope = config.Rope with { Scaling = "linear" } });
            yield return ("rope high_freq_factor +1", config with { Rope = config.Rope with { HighFrequencyFactor = config.Rope.HighFrequencyFactor + 1 } });
        }

        if (config.SlidingWindow is int window)
        {
            yield return ("no window", config with { SlidingWindow = null });
            yield return ("window one wider", config with { SlidingWindow = window + 1 });
        }
        else
        {
            yield return ("window of 8", config with { SlidingWindow = 8 });
        }

        if (config.QueryKeyValueBias)
        {
            yield return ("no q, k, v bias", config with { QueryKeyValueBias = false });
        }

        if (config.OutputBias)
        {
            yield return ("no o bias", config with { OutputBias = false });
        }

        if (config.MlpBias)
        {
            yield return ("no mlp bias", config with { MlpBias = false });
        }

        if (config.QueryKeyNorm)
        {
            yield return ("no q, k norm", config with { QueryKeyNorm = false });
        }

        if (!config.TiedHead)
        {
            yield return ("head tied", config with { TiedHead = true });
        }
    }
}
