namespace Exo.TinyModel.Trainer.Tokenizer;

/// <summary>GPT-2's mapping of the 256 byte values to printable characters, in which byte-level vocabularies are written.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = Build();

    /// <summary>The 256 characters, in the order of their code points, which is the order of their ids.</summary>
    public static IEnumerable<string> InOrder => Characters.Order().Select(c => c.ToString());

    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            text[i] = Characters[bytes[i]];
        }
        return new(text);
    }

    public static byte[] Decode(string text) => [.. text.Select(c => (byte)Array.IndexOf(Characters, c))];

    private static char[] Build()
    {
        // Printable Latin-1 characters stand for themselves, all others for the next code point from 256 on.
        var characters = new char[256];
        var next = 256;
        for (var b = 0; b < 256; b++)
        {
            characters[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)b : (char)next++;
        }
        return characters;
    }
}
