using Exo.Sdk.Tokenization.Json;
using Exo.Sdk.Tokenization.Patterns;

namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>Reads the <c>{"String": …}</c> and <c>{"Regex": …}</c> patterns of a <c>tokenizer.json</c>.</summary>
internal static class PatternReader
{
    /// <summary>Reads a pattern.</summary>
    public static Pattern Read(JsonCursor json)
    {
        if (json["String"] is { Exists: true } literal)
        {
            return Pattern.Literal(literal.String());
        }

        JsonCursor regex = json["Regex"];
        string source = regex.Exists ? regex.String() : throw json.Fail("a pattern has neither form", "{\"String\": …} or {\"Regex\": …}");
        try
        {
            return Pattern.Compile(source);
        }
        catch (FormatException e)
        {
            throw new ModelFormatException(
                json.File, $"a regular expression is refused: {e.Message}", "the Oniguruma dialect without captures", source, regex.Path, innerException: e);
        }
    }
}
