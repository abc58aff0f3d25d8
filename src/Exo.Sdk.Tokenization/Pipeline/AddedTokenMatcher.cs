using System.Buffers;
using Exo.Sdk.Tokenization.Patterns;

namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>Cuts a text at the added tokens in it: leftmost first, the longest of those that start together.</summary>
internal sealed class AddedTokenMatcher
{
    private const int Root = 0;

    private readonly Dictionary<(int Node, char Next), int> _edges = [];
    private readonly List<AddedToken?> _ends = [null];
    private readonly SearchValues<char> _firsts;

    /// <param name="tokens">The tokens with the text to look for.</param>
    public AddedTokenMatcher(IEnumerable<(string Text, AddedToken Token)> tokens)
    {
        HashSet<char> firsts = [];
        foreach ((string text, AddedToken token) in tokens)
        {
            if (text.Length > 0)
            {
                firsts.Add(text[0]);
                Insert(text, token);
            }
        }

        _firsts = SearchValues.Create([.. firsts]);
    }

    /// <summary>Cuts a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="control">The runs in which special tokens are recognized, in order, merged where they touch.</param>
    /// <returns>The parts, in order; those that are no token have none.</returns>
    public List<(TextSpan Span, AddedToken? Token)> Split(string text, IReadOnlyList<TextSpan> control)
    {
        List<(TextSpan Span, AddedToken? Token)> parts = [];
        int done = 0, at = 0, run = 0;
        while (at < text.Length)
        {
            int skip = text.AsSpan(at).IndexOfAny(_firsts);
            if (skip < 0)
            {
                break;
            }

            at += skip;
            while (run < control.Count && control[run].End <= at)
            {
                run++;
            }

            int trustedUntil = run < control.Count && control[run].Start <= at ? control[run].End : at;
            if (Longest(text, at, trustedUntil) is not { } match)
            {
                at++;
                continue;
            }

            (int end, AddedToken token) = match;
            if (token.SingleWord && (IsWordAt(text, at - 1) || IsWordAt(text, end)))
            {
                at = end;
                continue;
            }

            int start = at;
            while (token.StripLeft && start > done && IsSpace(text[start - 1]))
            {
                start--;
            }

            while (token.StripRight && end < text.Length && IsSpace(text[end]))
            {
                end++;
            }

            if (start > done)
            {
                parts.Add((new(done, start), null));
            }

            parts.Add((new(start, end), token));
            done = at = end;
        }

        if (done < text.Length)
        {
            parts.Add((new(done, text.Length), null));
        }

        return parts;
    }

    private void Insert(string text, AddedToken token)
    {
        int node = Root;
        foreach (char c in text)
        {
            if (!_edges.TryGetValue((node, c), out int next))
            {
                next = _ends.Count;
                _ends.Add(null);
                _edges.Add((node, c), next);
            }

            node = next;
        }

        _ends[node] ??= token;
    }

    private (int End, AddedToken Token)? Longest(string text, int at, int trustedUntil)
    {
        (int, AddedToken)? best = null;
        int node = Root;
        for (int i = at; i < text.Length && _edges.TryGetValue((node, text[i]), out node); i++)
        {
            if (_ends[node] is { } token && (!token.IsSpecial || i < trustedUntil))
            {
                best = (i + 1, token);
            }
        }

        return best;
    }

    private static bool IsSpace(char c) => CodePointSet.Space.Contains(c);

    private static bool IsWordAt(string text, int at)
    {
        if (at < 0 || at >= text.Length)
        {
            return false;
        }

        int first = char.IsLowSurrogate(text[at]) ? at - 1 : at;
        return CodePointSet.Word.Contains(char.ConvertToUtf32(text, first));
    }
}
