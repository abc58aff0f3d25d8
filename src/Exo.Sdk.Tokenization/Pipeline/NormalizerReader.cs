using System.Text;
using Exo.Sdk.Tokenization.Json;
using Exo.Sdk.Tokenization.Patterns;
using Exo.Sdk.Tokenization.Unicode;

namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>Builds the normalizer that a <c>tokenizer.json</c> describes.</summary>
internal static class NormalizerReader
{
    /// <summary>Inserted text longer than this is refused, so that no file makes texts explode.</summary>
    public const int MaxInsertion = 1024;

    private const int MaxDepth = 16;

    /// <summary>Reads a normalizer; null where the file has none.</summary>
    public static Normalizer? Read(JsonCursor json, int depth = 0)
    {
        if (!json.Exists)
        {
            return null;
        }

        string type = json["type"].String();
        return type switch
        {
            "Sequence" when depth < MaxDepth => Chain([.. json["normalizers"].Items().Select(j => Read(j, depth + 1)).OfType<Normalizer>()]),
            "NFC" => static text => Normalization.Apply(text, NormalizationForm.FormC),
            "NFD" => static text => Normalization.Apply(text, NormalizationForm.FormD),
            "NFKC" => static text => Normalization.Apply(text, NormalizationForm.FormKC),
            "NFKD" => static text => Normalization.Apply(text, NormalizationForm.FormKD),
            "Lowercase" => LetterCase.Lower,
            "Prepend" => Prepend(Insertion(json["prepend"])),
            "Replace" => Replace(PatternReader.Read(json["pattern"]), Insertion(json["content"])),
            "Strip" => Strip(json["strip_left"].Bool(true), json["strip_right"].Bool(true)),
            _ => throw json.Unsupported(
                $"normalizer '{type}'", "Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Prepend", "Replace", "Strip"),
        };
    }

    /// <summary>Replaces every match by <paramref name="content"/>.</summary>
    public static Normalizer Replace(Pattern pattern, string content) => text =>
    {
        List<TextSpan> matches = [];
        pattern.FindAll(text, new TextSpan(0, text.Length), matches);
        if (matches.Count == 0)
        {
            return text;
        }

        StringBuilder result = new(text.Length);
        int at = 0;
        foreach (TextSpan match in matches)
        {
            result.Append(text, at, match.Start - at).Append(content);
            at = match.End;
        }

        return result.Append(text, at, text.Length - at).ToString();
    };

    private static Normalizer Prepend(string prefix) => text => text.Length == 0 ? text : prefix + text;

    private static Normalizer Strip(bool left, bool right) => text =>
    {
        int start = 0, end = text.Length;
        while (left && start < end && CodePointSet.Space.Contains(text[start]))
        {
            start++;
        }

        while (right && end > start && CodePointSet.Space.Contains(text[end - 1]))
        {
            end--;
        }

        return text[start..end];
    };

    // Each step may grow the text; their product may not.
    private static Normalizer Chain(Normalizer[] steps) => text =>
    {
        long limit = (64L * text.Length) + (4 * MaxInsertion);
        foreach (Normalizer step in steps)
        {
            text = step(text);
            if (text.Length > limit)
            {
                throw new TokenizationException(
                    $"The tokenizer's normalizers grew a text beyond {limit} characters; the tokenizer file is at fault.");
            }
        }

        return text;
    };

    private static string Insertion(JsonCursor json)
    {
        string text = json.String();
        return text.Length <= MaxInsertion ? text : throw json.Fail("an inserted text is too long", $"at most {MaxInsertion} characters");
    }
}
