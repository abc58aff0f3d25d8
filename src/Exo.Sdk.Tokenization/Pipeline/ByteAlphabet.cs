using System.Text;

namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>
/// The 256 visible characters that byte-level vocabularies write bytes with (GPT-2): printable Latin-1 stands for
/// itself, the other bytes for U+0100 and up, in order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Chars = BuildChars();
    private static readonly short[] Bytes = BuildBytes();

    /// <summary>The character of a byte.</summary>
    public static char ToChar(byte value) => Chars[value];

    /// <summary>The byte of a character, or -1.</summary>
    public static int ToByte(char value) => value < Bytes.Length ? Bytes[value] : -1;

    /// <summary>Writes well-formed text as the characters of its UTF-8 bytes.</summary>
    public static void Append(ReadOnlySpan<char> text, StringBuilder output)
    {
        Span<byte> utf8 = stackalloc byte[4];
        while (!text.IsEmpty)
        {
            if (text[0] < 0x80)
            {
                output.Append(Chars[text[0]]);
                text = text[1..];
                continue;
            }

            _ = Rune.DecodeFromUtf16(text, out Rune rune, out int consumed);
            int count = rune.EncodeToUtf8(utf8);
            foreach (byte value in utf8[..count])
            {
                output.Append(Chars[value]);
            }

            text = text[consumed..];
        }
    }

    /// <summary>The bytes a token stands for; where it has other characters too, the UTF-8 of the token itself.</summary>
    public static byte[] Decode(string token)
    {
        byte[] bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            int value = ToByte(token[i]);
            if (value < 0)
            {
                return Encoding.UTF8.GetBytes(token);
            }

            bytes[i] = (byte)value;
        }

        return bytes;
    }

    private static char[] BuildChars()
    {
        char[] chars = new char[256];
        char next = '\u0100';
        for (int b = 0; b < 256; b++)
        {
            bool visible = b is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE;
            chars[b] = visible ? (char)b : next++;
        }

        return chars;
    }

    private static short[] BuildBytes()
    {
        short[] bytes = new short[Chars.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++)
        {
            bytes[Chars[b]] = (short)b;
        }

        return bytes;
    }
}
