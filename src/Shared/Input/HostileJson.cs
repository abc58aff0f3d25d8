using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Exo.Sdk.Input;

/// <summary>What JSON of a model file must be before it is read, and the errors where it is not.</summary>
internal static class HostileJson
{
    /// <summary>
    /// Demands UTF-8 and strings that are text. The parser looks at both only when a string is accessed, and then with an exception that
    /// says nothing of the file.
    /// </summary>
    /// <param name="text">The JSON.</param>
    /// <param name="path">Its file.</param>
    /// <param name="offset">Where in the file it begins.</param>
    public static void RequireText(ReadOnlySpan<byte> text, string path, long offset)
    {
        RequireUtf8(text, path, offset);
        if (text.Contains((byte)'\\'))
        {
            RequireWholeSurrogatePairs(text, path, offset);
        }
    }

    /// <summary>Demands UTF-8 alone: for what looks at each string as it reads it.</summary>
    /// <param name="text">The JSON.</param>
    /// <param name="path">Its file.</param>
    /// <param name="offset">Where in the file it begins.</param>
    public static void RequireUtf8(ReadOnlySpan<byte> text, string path, long offset)
    {
        if (!Utf8.IsValid(text))
        {
            int at = FirstInvalid(text);
            throw new ModelFormatException(path, "the text is not UTF-8", "UTF-8", $"byte 0x{text[at]:x2}", offset: offset + at);
        }
    }

    /// <summary>The error for JSON that the parser refused.</summary>
    public static ModelFormatException Malformed(string path, JsonException error, long? offset) =>
        new(path, "the JSON is malformed", "well-formed JSON", HostileText.Quote(error.Message), offset: offset, innerException: error);

    private static void RequireWholeSurrogatePairs(ReadOnlySpan<byte> text, string path, long offset)
    {
        Utf8JsonReader json = new(text);
        try
        {
            while (json.Read())
            {
                if (json.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && json.ValueIsEscaped)
                {
                    json.GetString();
                }
            }
        }
        catch (JsonException error)
        {
            throw Malformed(path, error, offset + json.TokenStartIndex);
        }
        catch (InvalidOperationException error)
        {
            throw new ModelFormatException(
                path, "a string is not Unicode text", "valid escapes", "half a surrogate pair", offset: offset + json.TokenStartIndex, innerException: error);
        }
    }

    private static int FirstInvalid(ReadOnlySpan<byte> text)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out int consumed) == OperationStatus.Done)
        {
            at += consumed;
        }

        return at;
    }
}
