using System.Text;
using Exo.Sdk.Tokenization.Bpe;

namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>The decoder of a <see cref="PipelineTokenizer"/>.</summary>
internal sealed class PipelineDecoder : TokenDecoder
{
    private readonly PipelineTokenizer _tokenizer;
    private readonly TokenBytes _bytes;
    private readonly bool _skipSpecial;

    // Holds an incomplete character from one call to the next and replaces invalid bytes.
    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder _text = new(capacity: 256);
    private bool _atStart = true;
    private int _stripLeft;

    public PipelineDecoder(PipelineTokenizer tokenizer, bool skipSpecial)
    {
        _tokenizer = tokenizer;
        _bytes = tokenizer.TokenBytes;
        _skipSpecial = skipSpecial;
        _stripLeft = _bytes.StripStart;
    }

    /// <summary>
    /// Takes what comes before the stream. Special tokens are no text here, whatever is asked of the stream: behind a
    /// begin token a text begins.
    /// </summary>
    public void Prime(ReadOnlySpan<int> prompt)
    {
        foreach (int id in prompt)
        {
            Append(id, skipSpecial: true);
        }
    }

    public override string Append(int id) => Append(id, _skipSpecial);

    private string Append(int id, bool skipSpecial)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        if (_tokenizer.Content(id) is { } token && !(skipSpecial && _tokenizer.IsSpecial(id)))
        {
            Write(_atStart && _bytes.OfFirstToken is { } first ? first(token) : _tokenizer.Bytes(id), flush: false);
            _atStart = false;
        }

        return Take(held: Held());
    }

    public override string Flush()
    {
        Write([], flush: true);
        int cut = Held();
        _text.Length -= cut;
        string text = Take(held: 0);
        _utf8.Reset();
        _atStart = true;
        _stripLeft = _bytes.StripStart;
        return text;
    }

    private void Write(ReadOnlySpan<byte> bytes, bool flush)
    {
        Span<char> chars = stackalloc char[256];
        bool completed;
        do
        {
            _utf8.Convert(bytes, chars, flush, out int bytesUsed, out int charsUsed, out completed);
            bytes = bytes[bytesUsed..];
            ReadOnlySpan<char> written = chars[..charsUsed];
            while (_stripLeft > 0 && !written.IsEmpty)
            {
                if (written[0] != _bytes.StripCharacter)
                {
                    _stripLeft = 0;
                    break;
                }

                written = written[1..];
                _stripLeft--;
            }

            _text.Append(written);
        }
        while (!completed);
    }

    // How many characters at the end may still turn out to be the end of the text and be stripped.
    private int Held()
    {
        int held = 0;
        while (held < _bytes.StripEnd && held < _text.Length && _text[_text.Length - 1 - held] == _bytes.StripCharacter)
        {
            held++;
        }

        return held;
    }

    private string Take(int held)
    {
        int count = _text.Length - held;
        if (count == 0)
        {
            return "";
        }

        string text;
        if (count <= TextPool.LongestPiece)
        {
            Span<char> piece = stackalloc char[TextPool.LongestPiece];
            _text.CopyTo(0, piece, count);
            text = _tokenizer.Texts.Get(piece[..count]);
        }
        else
        {
            text = _text.ToString(0, count);
        }

        _text.Remove(0, count);
        return text;
    }
}
