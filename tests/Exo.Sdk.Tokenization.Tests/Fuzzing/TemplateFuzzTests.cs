using System.Text.Json;
using Exo.Sdk.Tests.Shared;
using Exo.Sdk.Tokenization.Jinja;
using Xunit.Abstractions;

namespace Exo.Sdk.Tokenization.Tests.Fuzzing;

/// <summary>No template, whatever is in it, costs more than the budget says or ends with an error that is none of ours.</summary>
public class TemplateFuzzTests(ITestOutputHelper output)
{
    // What the budget counts is an estimate.
    private const long MaxBytes = 2 * TemplateBudget.MaxBytes;

    private static readonly string Golden = Path.Combine(SharedModels.RepositoryRoot(), "tests", "golden", "templates");

    private static readonly ChatMessage[] Messages =
    [
        new("system", "be <|x|> short"),
        new("user", string.Concat(Enumerable.Repeat("Hi 😀. ", 500))),
        new("assistant", "") { Fields = new Dictionary<string, JsonElement> { ["tool_calls"] = JsonElement.Parse("""[{"function":{"name":"f","arguments":{"a":[1,2.5,null]}}}]""") } },
    ];

    private static readonly JsonElement[] Tools = [JsonElement.Parse("""{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"type":"string"}}}}}""")];

    private static readonly string[] Pieces =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{%-", "'", "\"", "(", ")", "[", "]", "{", "}", "|", ".", ",", ":", "~", "**", "if", "elif", "else", "endif",
        "for", "in", "endfor", "not ", "is ", "x", "0", "9", "\\", "\n", " ", "{% if x %}", "{% elif x %}", "{% for a in messages %}", "{% endfor %}", "{% raw %}", "{% endraw %}",
        " if 1 else 2", ".a", "[0]", "(x)", "|d", "'a' ", "1 + ", "\ud800", "\0", "é", "😀",
    ];

    [Fact]
    public void Templates_of_the_grammar_stay_within_their_budget() => Rounds.Run(
        cases: 600,
        MaxBytes,
        static random =>
        {
            string template = new TemplateGrammar(random).Next();
            return (template, () => Render(template));
        },
        output);

    [Fact]
    public void Damaged_templates_stay_within_their_budget()
    {
        string[] sources =
        [
            .. Directory.GetFiles(Golden, "*.jinja").Order(StringComparer.Ordinal).Select(File.ReadAllText),
            .. File.ReadLines(Path.Combine(Golden, "expressions.jsonl")).Skip(1).Select(static l => JsonElement.Parse(l).GetProperty("template").GetString()!),
        ];
        Rounds.Run(
            cases: 2_000,
            MaxBytes,
            random =>
            {
                string template = new Mutator(random, Pieces).Damage(sources[random.Next(sources.Length)], sources[random.Next(sources.Length)]);
                return (template, () => Render(template));
            },
            output);
    }

    private static void Render(string template) => ChatTemplate.Parse(template).Render(Messages, tools: Tools);
}
