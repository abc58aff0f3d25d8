using System.Text.Json;
using System.Text.Json.Nodes;
using Exo.Golden.Catalog;
using Exo.Golden.Formats;
using Exo.Golden.Reference;
using Exo.Sdk;

namespace Exo.Golden;

/// <summary>
/// What a model must answer: the tokens in <c>expected.json</c>, the logits in <c>expected.bin</c> (float32 little-endian,
/// [rows, vocabulary]; row 0 follows the prompt, row k the first k tokens of the continuation).
/// </summary>
internal sealed record Expectation(int[] Prompt, int[] Continuation, int[] Greedy, double GreedyMargin, double[][] Logits)
{
    public const int DecodeSteps = 32;

    /// <summary>Draws the tokens and computes the rest.</summary>
    public static Expectation Compute(Decoder decoder, ulong seed, GoldenModel model)
    {
        int vocabulary = decoder.Config.VocabularySize;
        var random = new SeededNormal(seed, model.Name + "/tokens");
        int[] drawn = [.. Enumerable.Range(0, model.PromptLength + DecodeSteps).Select(_ => random.NextIndex(vocabulary))];
        int[] prompt = drawn[..model.PromptLength];
        int[] continuation = drawn[model.PromptLength..];

        // Both ends of the vocabulary, in prefill and in decode: the rows that a vocabulary-parallel embedding gets wrong first.
        (prompt[2], prompt[4]) = (0, vocabulary - 1);
        (continuation[3], continuation[5]) = (vocabulary - 1, 0);
        var (greedy, margin) = GreedyTokens(decoder, prompt, DecodeSteps);
        return new Expectation(prompt, continuation, greedy, margin, TeacherForced(decoder, prompt, continuation));
    }

    public static double[][] TeacherForced(Decoder decoder, int[] prompt, int[] continuation) =>
        [.. Enumerable.Range(0, continuation.Length + 1).Select(step => decoder.NextLogits([.. prompt, .. continuation[..step]]))];

    /// <returns>The tokens, and by how much the closest of these choices was won.</returns>
    public static (int[] Tokens, double Margin) GreedyTokens(Decoder decoder, int[] prompt, int steps)
    {
        var tokens = new List<int>(prompt);
        double margin = double.PositiveInfinity;
        for (int step = 0; step < steps; step++)
        {
            double[] logits = decoder.NextLogits(tokens);
            double[] best = [.. logits.OrderDescending().Take(2)];
            margin = Math.Min(margin, best[0] - best[1]);
            tokens.Add(Array.IndexOf(logits, best[0]));
        }

        return ([.. tokens.Skip(prompt.Length)], margin);
    }

    public static Expectation Read(string folder)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "expected.json")))!.AsObject();
        int[] shape = json["shape"]!.Deserialize<int[]>()!;
        double[] logits = Elements.ToDoubles(ElementType.F32, File.ReadAllBytes(Path.Combine(folder, "expected.bin")));
        return new Expectation(
            json["prompt"]!.Deserialize<int[]>()!,
            json["continuation"]!.Deserialize<int[]>()!,
            json["greedy"]!.Deserialize<int[]>()!,
            (double)json["greedy_margin"]!,
            [.. logits.Chunk(shape[1])]);
    }

    public void Write(string folder)
    {
        static string Line(int[] tokens) => "[" + string.Join(", ", tokens) + "]";

        double largest = Logits.Max(row => row.Max(Math.Abs));
        string json = $$"""
            {
              "prompt": {{Line(Prompt)}},
              "continuation": {{Line(Continuation)}},
              "greedy": {{Line(Greedy)}},
              "greedy_margin": {{(float)GreedyMargin}},
              "logits": "expected.bin",
              "shape": [{{Logits.Length}}, {{Logits[0].Length}}],
              "largest_logit": {{(float)largest}}
            }

            """;
        File.WriteAllText(Path.Combine(folder, "expected.json"), json);
        File.WriteAllBytes(Path.Combine(folder, "expected.bin"), Elements.FromDoubles(ElementType.F32, Logits.SelectMany(row => row).ToArray()));
    }

    /// <summary>Largest difference of any logit, divided by the largest logit of its row.</summary>
    public static double RelativeError(double[][] actual, double[][] expected)
    {
        double worst = 0;
        foreach (var (a, e) in actual.Zip(expected))
        {
            double difference = a.Zip(e, (x, y) => Math.Abs(x - y)).Max();
            worst = Math.Max(worst, difference / e.Max(Math.Abs));
        }

        return worst;
    }
}
