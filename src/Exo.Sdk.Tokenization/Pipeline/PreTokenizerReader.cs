using System.Text;
using Exo.Sdk.Tokenization.Json;
using Exo.Sdk.Tokenization.Patterns;

namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>Builds the pre-tokenizer that a <c>tokenizer.json</c> describes.</summary>
internal static class PreTokenizerReader
{
    private const int MaxDepth = 16;

    // GPT-2's pattern, which byte-level pre-tokenizers use unless told otherwise.
    private const string ByteLevelPattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>Reads a pre-tokenizer; null where the file has none.</summary>
    public static PreTokenizer? Read(JsonCursor json, int depth = 0)
    {
        if (!json.Exists)
        {
            return null;
        }

        string type = json["type"].String();
        return type switch
        {
            "Sequence" when depth < MaxDepth => Chain([.. json["pretokenizers"].Items().Select(j => Read(j, depth + 1)).OfType<PreTokenizer>()]),
            "Split" => new PieceSplitter(PatternReader.Read(json["pattern"]), Behavior(json["behavior"]), json["invert"].Bool(false)).Split,
            "ByteLevel" => ByteLevel(json["add_prefix_space"].Bool(true), json["use_regex"].Bool(true)),
            "Metaspace" => Metaspace(json),
            "Digits" => SplitAt("N", json["individual_digits"].Bool(false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
            "Punctuation" => new PieceSplitter(Pattern.OneOf(Punctuation, type), json["behavior"].Exists ? Behavior(json["behavior"]) : SplitBehavior.Isolated).Split,
            "Whitespace" => new PieceSplitter(Pattern.Compile(@"[\w\u200c\u200d]+|[^\w\u200c\u200d\s]+"), SplitBehavior.Removed, invert: true).Split,
            "WhitespaceSplit" => new PieceSplitter(Pattern.OneOf(CodePointSet.Space, type), SplitBehavior.Removed).Split,
            _ => throw json.Unsupported(
                $"pre-tokenizer '{type}'", "Sequence", "Split", "ByteLevel", "Metaspace", "Digits", "Punctuation", "Whitespace", "WhitespaceSplit"),
        };
    }

    private static CodePointSet Punctuation { get; } = CodePointSet.Of("P")
        .Or(CodePointSet.Range('!', '/')).Or(CodePointSet.Range(':', '@')).Or(CodePointSet.Range('[', '`')).Or(CodePointSet.Range('{', '~'));

    private static PreTokenizer SplitAt(string category, SplitBehavior behavior) =>
        new PieceSplitter(Pattern.OneOf(CodePointSet.Of(category), category), behavior).Split;

    private static SplitBehavior Behavior(JsonCursor json) => json.String() switch
    {
        "Isolated" => SplitBehavior.Isolated,
        "Removed" => SplitBehavior.Removed,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        var other => throw json.Unsupported(
            $"split behavior '{other}'", "Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"),
    };

    // Each byte-level step may double a text; a file that chains many may not.
    private static PreTokenizer Chain(PreTokenizer[] steps) => pieces =>
    {
        long limit = (16L * Length(pieces)) + 4096;
        foreach (PreTokenizer step in steps)
        {
            pieces = step(pieces);
            if (Length(pieces) > limit)
            {
                throw new TokenizationException(
                    $"The tokenizer's pre-tokenizers grew a text beyond {limit} characters; the tokenizer file is at fault.");
            }
        }

        return pieces;
    };

    private static long Length(List<Piece> pieces)
    {
        long total = 0;
        foreach (Piece piece in pieces)
        {
            total += piece.Span.Length;
        }

        return total;
    }

    private static PreTokenizer ByteLevel(bool addPrefixSpace, bool useRegex)
    {
        PieceSplitter? splitter = useRegex ? new PieceSplitter(Pattern.Compile(ByteLevelPattern), SplitBehavior.Isolated) : null;
        return pieces =>
        {
            pieces = addPrefixSpace ? Prefixed(pieces, " ", static _ => true) : pieces;
            pieces = splitter?.Split(pieces) ?? pieces;
            StringBuilder text = new();
            List<(TextSpan Span, bool AtStart)> spans = new(pieces.Count);
            foreach (Piece piece in pieces)
            {
                int start = text.Length;
                ByteAlphabet.Append(piece.Chars, text);
                spans.Add((new(start, text.Length), piece.AtStart));
            }

            string mapped = text.ToString();
            return [.. spans.Select(s => new Piece(mapped, s.Span, s.AtStart))];
        };
    }

    private static PreTokenizer Metaspace(JsonCursor json)
    {
        string symbol = json["replacement"].OptionalString() ?? "▁";
        if (symbol.EnumerateRunes().Count() != 1)
        {
            throw json["replacement"].Fail("the space symbol is not one character", "one character");
        }

        // Old files say add_prefix_space, new ones prepend_scheme.
        string scheme = json["prepend_scheme"].OptionalString() ?? (json["add_prefix_space"].Bool(true) ? "always" : "never");
        Func<Piece, bool> prepends = scheme switch
        {
            "always" => static _ => true,
            "first" => static piece => piece.AtStart,
            "never" => static _ => false,
            _ => throw json["prepend_scheme"].Unsupported($"prepend scheme '{scheme}'", "always", "first", "never"),
        };
        PieceSplitter? splitter = json["split"].Bool(true) ? new PieceSplitter(Pattern.Literal(symbol), SplitBehavior.MergedWithNext) : null;
        return pieces =>
        {
            List<Piece> replaced = new(pieces.Count);
            foreach (Piece piece in pieces)
            {
                string text = piece.Chars.ToString().Replace(" ", symbol, StringComparison.Ordinal);
                replaced.Add(new Piece(text, new(0, text.Length), piece.AtStart));
            }

            replaced = Prefixed(replaced, symbol, prepends);
            return splitter?.Split(replaced) ?? replaced;
        };
    }

    private static List<Piece> Prefixed(List<Piece> pieces, string prefix, Func<Piece, bool> applies)
    {
        List<Piece> output = new(pieces.Count);
        foreach (Piece piece in pieces)
        {
            if (!applies(piece) || piece.Chars.StartsWith(prefix, StringComparison.Ordinal))
            {
                output.Add(piece);
                continue;
            }

            string text = string.Concat(prefix, piece.Chars);
            output.Add(new Piece(text, new(0, text.Length), piece.AtStart));
        }

        return output;
    }
}
