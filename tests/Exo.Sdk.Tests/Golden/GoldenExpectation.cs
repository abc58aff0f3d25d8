using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Exo.Sdk.Tests.Golden;

/// <summary>What a golden model must answer; see <c>tests/golden/README.md</c>.</summary>
/// <param name="Prompt">Prefilled.</param>
/// <param name="Continuation">Fed one by one after the prompt.</param>
/// <param name="Greedy">What the prompt is followed by when each next token is the likeliest.</param>
/// <param name="Logits">Row 0 follows the prompt, row k the first k tokens of the continuation.</param>
internal sealed record GoldenExpectation(int[] Prompt, int[] Continuation, int[] Greedy, float[][] Logits)
{
    public static GoldenExpectation Read(string folder)
    {
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "expected.json")))!;
        int[] Tokens(string name) => [.. json[name]!.AsArray().Select(token => token!.GetValue<int>())];

        int vocabulary = json["shape"]![1]!.GetValue<int>();
        float[] values = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, "expected.bin"))).ToArray();
        return new GoldenExpectation(Tokens("prompt"), Tokens("continuation"), Tokens("greedy"), [.. values.Chunk(vocabulary)]);
    }
}
