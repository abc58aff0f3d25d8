using Exo.Sdk.Tokenization.Bpe;
using Exo.Sdk.Tokenization.Unicode;

namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>
/// Added tokens, normalizer, pre-tokenizer, model, post-processor, decoder: the line of steps that a
/// <c>tokenizer.json</c> describes and that a <c>tokenizer.model</c> fits as well.
/// </summary>
internal sealed class PipelineTokenizer : Tokenizer
{
    private readonly TokenizerParts _parts;
    private readonly string?[] _contents;
    private readonly byte[]?[] _bytes;
    private readonly AddedTokenMatcher _raw;
    private readonly AddedTokenMatcher _normalized;
    private readonly HashSet<int> _special;

    public PipelineTokenizer(TokenizerParts parts)
    {
        _parts = parts;
        _special = parts.SpecialIds;
        _contents = parts.Contents();
        _bytes = new byte[_contents.Length][];
        Texts = new TextPool(_contents.Length);

        // A special token is looked for as it is written, since after a normalizer nobody could say any more which
        // part of the text came from whom.
        _raw = new(parts.Added.Where(static t => t.IsSpecial || !t.Normalized).Select(static t => (t.Content, t)));
        _normalized = new(parts.Added.Where(static t => !t.IsSpecial && t.Normalized)
            .Select(t => (parts.Normalizer?.Invoke(t.Content) ?? t.Content, t)));
    }

    public override int VocabularySize => _contents.Length;

    public override int? BeginToken => _parts.BeginToken;

    public override IReadOnlyList<int> EndTokens => _parts.EndTokens;

    /// <summary>Pieces of text that decoders gave out before.</summary>
    public TextPool Texts { get; }

    /// <summary>The way back to text.</summary>
    public TokenBytes TokenBytes => _parts.TokenBytes;

    public override int[] Encode(IReadOnlyList<TextSegment> segments, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(segments);
        string text = WellFormed.Of(string.Concat(segments.Select(static s => s.Text)));
        List<int> ids = new((text.Length / 3) + 8);
        if (addSpecialTokens)
        {
            ids.AddRange(_parts.Prefix);
        }

        MergeQueue queue = new();
        foreach ((TextSpan span, AddedToken? token) in _raw.Split(text, ControlRuns(segments)))
        {
            if (token is null)
            {
                EncodePart(text[span.Start..span.End], span.Start == 0, queue, ids);
            }
            else
            {
                ids.Add(token.Id);
            }
        }

        if (addSpecialTokens)
        {
            ids.AddRange(_parts.Suffix);
        }

        return [.. ids];
    }

    public override int? FindToken(string content)
    {
        ArgumentNullException.ThrowIfNull(content);
        return _parts.Added.FirstOrDefault(t => t.Content == content)?.Id
            ?? (_parts.Vocabulary.TryGetValue(content, out int id) ? id : null);
    }

    public override bool IsSpecial(int id) => _special.Contains(id);

    /// <summary>The content of a token, or null where the id has none.</summary>
    public string? Content(int id) => id < _contents.Length ? _contents[id] : null;

    /// <summary>The bytes of a token that is not the first of a text.</summary>
    public byte[] Bytes(int id) => _bytes[id] ??= TokenBytes.OfToken(_contents[id]!);

    public override TokenDecoder CreateDecoder(bool skipSpecial = false, ReadOnlySpan<int> prompt = default)
    {
        PipelineDecoder decoder = new(this, skipSpecial);
        decoder.Prime(prompt);
        return decoder;
    }

    private static List<TextSpan> ControlRuns(IReadOnlyList<TextSegment> segments)
    {
        List<TextSpan> runs = [];
        int at = 0;
        foreach (TextSegment segment in segments)
        {
            int end = at + segment.Text.Length;
            if (segment.IsControl && end > at)
            {
                if (runs.Count > 0 && runs[^1].End == at)
                {
                    runs[^1] = runs[^1] with { End = end };
                }
                else
                {
                    runs.Add(new(at, end));
                }
            }

            at = end;
        }

        return runs;
    }

    private void EncodePart(string part, bool atStart, MergeQueue queue, List<int> ids)
    {
        string text = _parts.Normalizer is null ? part : _parts.Normalizer(part);
        foreach ((TextSpan span, AddedToken? token) in _normalized.Split(text, []))
        {
            if (token is not null)
            {
                ids.Add(token.Id);
                continue;
            }

            List<Piece> pieces = [new Piece(text, span, atStart && span.Start == 0)];
            foreach (Piece piece in _parts.PreTokenizer?.Invoke(pieces) ?? pieces)
            {
                if (piece.Span.Length > 0)
                {
                    _parts.Model.Encode(piece.Chars, queue, ids);
                }
            }
        }
    }
}
