using Exo.Sdk.Tokenization.Patterns;

namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>What becomes of the matches when a text is split at them.</summary>
internal enum SplitBehavior
{
    /// <summary>Each match is a piece.</summary>
    Isolated,

    /// <summary>Matches vanish.</summary>
    Removed,

    /// <summary>A match is the end of the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>A match is the start of the piece after it.</summary>
    MergedWithNext,

    /// <summary>Matches side by side are one piece.</summary>
    Contiguous,
}

/// <summary>Splits pieces at the matches of a pattern, or, inverted, at what lies between them.</summary>
internal sealed class PieceSplitter(Pattern pattern, SplitBehavior behavior, bool invert = false)
{
    /// <summary>Splits each piece; empty parts are dropped.</summary>
    public List<Piece> Split(List<Piece> pieces)
    {
        List<Piece> output = new(pieces.Count);
        List<TextSpan> matches = [];
        List<(TextSpan Span, bool IsMatch)> parts = [];
        foreach (Piece piece in pieces)
        {
            matches.Clear();
            pattern.FindAll(piece.Text, piece.Span, matches);
            Cover(piece.Span, matches, parts);
            Split(piece, parts, output);
        }

        return output;
    }

    private void Cover(TextSpan span, List<TextSpan> matches, List<(TextSpan Span, bool IsMatch)> parts)
    {
        parts.Clear();
        int at = span.Start;
        foreach (TextSpan match in matches)
        {
            if (match.Start > at)
            {
                parts.Add((new(at, match.Start), invert));
            }

            parts.Add((match, !invert));
            at = match.End;
        }

        if (at < span.End)
        {
            parts.Add((new(at, span.End), invert));
        }
    }

    private void Split(Piece piece, List<(TextSpan Span, bool IsMatch)> parts, List<Piece> output)
    {
        for (int i = 0; i < parts.Count;)
        {
            (TextSpan span, bool isMatch) = parts[i++];
            switch (behavior)
            {
                case SplitBehavior.Removed when isMatch:
                    continue;
                case SplitBehavior.Contiguous:
                    while (i < parts.Count && parts[i].IsMatch == isMatch)
                    {
                        span = span with { End = parts[i++].Span.End };
                    }

                    break;
                case SplitBehavior.MergedWithPrevious when !isMatch && i < parts.Count && parts[i].IsMatch:
                    span = span with { End = parts[i++].Span.End };
                    break;
                case SplitBehavior.MergedWithNext when isMatch && i < parts.Count && !parts[i].IsMatch:
                    span = span with { End = parts[i++].Span.End };
                    break;
            }

            if (span.Length > 0)
            {
                output.Add(piece.Part(span));
            }
        }
    }
}
