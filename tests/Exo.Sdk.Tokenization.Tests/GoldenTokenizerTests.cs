using System.Text.Json;
using Exo.Sdk.Tests.Shared;
using Xunit.Abstractions;

namespace Exo.Sdk.Tokenization.Tests;

/// <summary>Ids and texts that independent libraries give (tests/golden/README.md, "tokenizers").</summary>
public class GoldenTokenizerTests(ITestOutputHelper output)
{
    private static readonly string Golden = Path.Combine(SharedModels.RepositoryRoot(), "tests", "golden", "tokenizers");

    [Theory]
    [InlineData("gpt2")]
    [InlineData("gpt2-prefix-space")]
    [InlineData("llama2")]
    [InlineData("llama3")]
    [InlineData("mistral")]
    [InlineData("qwen2")]
    public void Gives_the_ids_and_texts_of_the_reference(string name) =>
        Compare(Tokenizer.Load(Path.Combine(Golden, name)), Path.Combine(Golden, name, "expected.jsonl"));

    [Fact]
    public void Gives_the_ids_of_SentencePiece() =>
        ComparePieces(OnlyModel(Path.Combine(Golden, "llama2")), Path.Combine(Golden, "llama2", "expected-sentencepiece.jsonl"));

    [SharedModelFact("stories260k")]
    public void Gives_the_ids_of_the_reference_for_stories260k()
    {
        string folder = SharedModels.Folder("stories260k"), golden = Path.Combine(Golden, "stories260k");
        Compare(Tokenizer.Load(folder), Path.Combine(golden, "expected.jsonl"));
        ComparePieces(OnlyModel(folder), Path.Combine(golden, "expected-sentencepiece.jsonl"));
    }

    private static Tokenizer OnlyModel(string folder) => TokenizerFixture.Load(
        ("tokenizer.model", File.ReadAllBytes(Path.Combine(folder, "tokenizer.model"))),
        ("tokenizer_config.json", File.ReadAllBytes(Path.Combine(folder, "tokenizer_config.json"))));

    private void Compare(Tokenizer tokenizer, string file)
    {
        int texts = 0, streams = 0, broken = 0;
        foreach (JsonElement line in File.ReadLines(file).Select(static l => JsonElement.Parse(l)))
        {
            int[] ids = Ids(line, "ids");
            string? text = line.TryGetProperty("text", out JsonElement t) ? t.GetString() : null;
            if (line.TryGetProperty("template", out _))
            {
                tokenizer.Encode(text!, parseSpecialTokens: true).Should().Equal(ids, "of «{0}» in the template", text);
            }
            else if (text is not null)
            {
                tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: true).Should().Equal(ids, "of «{0}»", text);
                int[] plain = line.TryGetProperty("plain", out _) ? Ids(line, "plain") : ids;
                tokenizer.Encode(text, addSpecialTokens: false).Should().Equal(plain, "of «{0}» as plain text", text);
                texts++;
            }

            foreach (string field in (string[])["decoded", "decoded_without_special"])
            {
                if (!line.TryGetProperty(field, out JsonElement decoded))
                {
                    continue;
                }

                // In a run of byte tokens that is not all UTF-8 the reference replaces every byte, whole characters
                // too. Like SentencePiece we keep those: in a stream they are out before the run ends.
                if (tokenizer.FindToken("<0x00>") is not null && text is null && decoded.GetString()!.Contains('\uFFFD', StringComparison.Ordinal))
                {
                    broken++;
                    continue;
                }

                tokenizer.Decode(ids, skipSpecial: field != "decoded").Should().Be(decoded.GetString(), "[{0}]", string.Join(",", ids));
                streams++;
            }
        }

        output.WriteLine($"{texts} texts, {streams} texts of ids, {broken} with broken runs of byte tokens passed over");
        broken.Should().BeLessThan(streams / 2);
        texts.Should().BeGreaterThan(100);
    }

    private void ComparePieces(Tokenizer tokenizer, string file)
    {
        int texts = 0;
        foreach (JsonElement line in File.ReadLines(file).Select(static l => JsonElement.Parse(l)))
        {
            string text = line.GetProperty("text").GetString()!;
            tokenizer.Encode(text, addSpecialTokens: false).Should().Equal(Ids(line, "ids"), "of «{0}»", text);
            texts++;
        }

        output.WriteLine($"{texts} texts");
        texts.Should().BeGreaterThan(100);
    }

    private static int[] Ids(JsonElement line, string name) => [.. line.GetProperty(name).EnumerateArray().Select(static i => i.GetInt32())];
}
