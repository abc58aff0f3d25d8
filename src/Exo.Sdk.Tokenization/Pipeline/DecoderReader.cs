using Exo.Sdk.Tokenization.Bpe;
using Exo.Sdk.Tokenization.Json;
using Exo.Sdk.Tokenization.Patterns;

namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>Builds the way back from tokens to text that a <c>tokenizer.json</c> describes.</summary>
internal sealed class DecoderReader
{
    private const int MaxDepth = 16;

    private static readonly string[] Supported = ["ByteLevel", "ByteFallback", "Fuse", "Metaspace", "Replace", "Sequence", "Strip"];

    // The steps so far, as a function over (token, whether it is the first).
    private readonly List<Func<string, bool, string>> _rewrites = [];
    private bool _byteLevel, _byteFallback, _fused, _firstDiffers;
    private char _stripCharacter = ' ';
    private int _stripStart, _stripEnd;

    private DecoderReader()
    {
    }

    /// <summary>Reads a decoder; where the file has none, tokens are text as they stand.</summary>
    public static TokenBytes Read(JsonCursor json)
    {
        DecoderReader reader = new();
        if (json.Exists)
        {
            reader.Add(json, 0);
        }

        return new(
            token => reader.Bytes(token, isFirst: false),
            reader._firstDiffers ? token => reader.Bytes(token, isFirst: true) : null,
            reader._stripCharacter,
            reader._stripStart,
            reader._stripEnd);
    }

    private void Add(JsonCursor json, int depth)
    {
        string type = json["type"].String();
        if (_byteLevel || (_fused && type is not ("Strip" or "Fuse")))
        {
            // After these the tokens are one text, which a stream of tokens never has whole.
            throw json.Unsupported($"decoder '{type}' behind ByteLevel or Fuse", "Strip");
        }

        switch (type)
        {
            case "Sequence" when depth < MaxDepth:
                foreach (JsonCursor item in json["decoders"].Items())
                {
                    Add(item, depth + 1);
                }

                break;
            case "ByteLevel":
                _byteLevel = true;
                break;
            case "ByteFallback":
                _byteFallback = true;
                break;
            case "Fuse":
                _fused = true;
                break;
            case "Replace":
                Pattern pattern = PatternReader.Read(json["pattern"]);
                Normalizer replace = NormalizerReader.Replace(pattern, Short(json["content"]));
                Rewrite((token, _) => replace(token));
                break;
            case "Metaspace":
                Metaspace(json);
                break;
            case "Strip":
                Strip(json);
                break;
            default:
                throw json.Unsupported($"decoder '{type}'", Supported);
        }
    }

    private void Metaspace(JsonCursor json)
    {
        string symbol = json["replacement"].OptionalString() ?? "▁";
        string scheme = json["prepend_scheme"].OptionalString() ?? (json["add_prefix_space"].Bool(true) ? "always" : "never");
        bool drops = scheme != "never" && symbol.Length > 0;
        _firstDiffers |= drops;
        Rewrite((token, isFirst) => symbol.Length == 0 ? token : token.Replace(symbol, drops && isFirst ? "" : " ", StringComparison.Ordinal));
    }

    private void Strip(JsonCursor json)
    {
        string content = json["content"].String();
        char character = content.Length == 1 ? content[0] : throw json["content"].Fail("what is stripped is not one character", "one character");
        int start = json["start"].Index(NormalizerReader.MaxInsertion), end = json["stop"].Index(NormalizerReader.MaxInsertion);
        if (!_fused)
        {
            Rewrite((token, _) =>
            {
                int from = 0, to = token.Length;
                while (from < token.Length && from < start && token[from] == character)
                {
                    from++;
                }

                while (to > from && token.Length - to < end && token[to - 1] == character)
                {
                    to--;
                }

                return token[from..to];
            });
            return;
        }

        if (_stripStart + _stripEnd > 0 && _stripCharacter != character)
        {
            throw json.Unsupported("second Strip decoder of another character", "one character stripped from the whole text");
        }

        _stripCharacter = character;
        _stripStart += start;
        _stripEnd += end;
    }

    // A byte token is a byte from the step that says so on; rewrites after it see only text.
    private void Rewrite(Func<string, bool, string> step)
    {
        bool bytesAreBytes = _byteFallback;
        _rewrites.Add((token, isFirst) => bytesAreBytes && TokenBytes.FallbackByte(token) >= 0 ? token : step(token, isFirst));
    }

    private byte[] Bytes(string token, bool isFirst)
    {
        foreach (Func<string, bool, string> rewrite in _rewrites)
        {
            token = rewrite(token, isFirst);
        }

        if (_byteLevel)
        {
            return ByteAlphabet.Decode(token);
        }

        return _byteFallback && TokenBytes.FallbackByte(token) is >= 0 and int value ? [(byte)value] : TokenBytes.Utf8(token);
    }

    private static string Short(JsonCursor json)
    {
        string text = json.String();
        return text.Length <= NormalizerReader.MaxInsertion
            ? text
            : throw json.Fail("an inserted text is too long", $"at most {NormalizerReader.MaxInsertion} characters");
    }
}
