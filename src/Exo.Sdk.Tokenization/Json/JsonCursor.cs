using System.Globalization;
using System.Text.Json;
using Exo.Sdk.Input;

namespace Exo.Sdk.Tokenization.Json;

/// <summary>A place in a JSON file that knows its own path, so that every complaint can name it.</summary>
/// <param name="File">The file's path.</param>
/// <param name="Path">The JSON path, for example <c>$.model.merges[3]</c>.</param>
/// <param name="Element">The value; <see cref="JsonValueKind.Undefined"/> when there is none.</param>
internal readonly record struct JsonCursor(string File, string Path, JsonElement Element)
{
    /// <summary>The largest tokenizer file that is read; the largest in the field have about 35 MB.</summary>
    public const long MaxFileSize = 64L * 1024 * 1024;

    private const int MaxMessage = 300;

    /// <summary>Whether there is a value other than <c>null</c>.</summary>
    public bool Exists => Element.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    /// <summary>Reads a JSON file.</summary>
    /// <exception cref="ModelFormatException">The file is too large, not UTF-8 or not JSON.</exception>
    public static JsonCursor Open(string file)
    {
        byte[] bytes = BoundedFile.ReadAll(file, MaxFileSize);
        HostileJson.RequireUtf8(bytes, file, offset: 0);
        try
        {
            JsonElement root = JsonElement.Parse(bytes.AsSpan(bytes is [0xEF, 0xBB, 0xBF, ..] ? 3 : 0));
            return new JsonCursor(file, "$", root);
        }
        catch (JsonException e)
        {
            throw new ModelFormatException(file, "the file is not JSON", "JSON (RFC 8259)", HostileText.Shorten(e.Message, MaxMessage), e.Path is null ? null : HostileText.Shorten(e.Path), Offset(bytes, e), e);
        }
    }

    /// <summary>The member of an object, which may be absent.</summary>
    public JsonCursor this[string name]
    {
        get
        {
            string path = $"{Path}.{name}";
            if (!Exists)
            {
                return new(File, path, default);
            }

            Expect(JsonValueKind.Object, "an object");
            try
            {
                return new(File, path, Element.TryGetProperty(name, out JsonElement value) ? value : default);
            }
            catch (InvalidOperationException e)
            {
                // A name beside the one that is looked for.
                throw NotUnicode("a name", e);
            }
        }
    }

    /// <summary>The items of an array; none when there is no value.</summary>
    public IEnumerable<JsonCursor> Items()
    {
        if (!Exists)
        {
            yield break;
        }

        Expect(JsonValueKind.Array, "an array");
        int i = 0;
        foreach (JsonElement item in Element.EnumerateArray())
        {
            yield return new(File, $"{Path}[{i++}]", item);
        }
    }

    /// <summary>The members of an object; none when there is no value.</summary>
    public IEnumerable<(string Name, JsonCursor Value)> Members()
    {
        if (!Exists)
        {
            yield break;
        }

        Expect(JsonValueKind.Object, "an object");
        foreach (JsonProperty member in Element.EnumerateObject())
        {
            string name;
            try
            {
                name = member.Name;
            }
            catch (InvalidOperationException e)
            {
                throw NotUnicode("a name", e);
            }

            yield return (name, new(File, $"{Path}['{HostileText.Shorten(name)}']", member.Value));
        }
    }

    /// <summary>The text here.</summary>
    public string String()
    {
        Expect(JsonValueKind.String, "a string");
        try
        {
            return Element.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw NotUnicode("a string", e);
        }
    }

    /// <summary>The text here, or null where there is none.</summary>
    public string? OptionalString() => Exists ? String() : null;

    /// <summary>The whole number here, from 0 up to <paramref name="max"/>.</summary>
    public int Index(int max = int.MaxValue)
    {
        Expect(JsonValueKind.Number, "a number");
        return Element.TryGetInt32(out int value) && value >= 0 && value <= max
            ? value
            : throw Fail("a number is out of range", string.Create(CultureInfo.InvariantCulture, $"a whole number from 0 to {max}"));
    }

    /// <summary>The truth value here, or <paramref name="otherwise"/> where there is none.</summary>
    public bool Bool(bool otherwise) => !Exists ? otherwise : Element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Fail("a value has the wrong kind", "true or false"),
    };

    /// <summary>The error to throw about this place.</summary>
    public ModelFormatException Fail(string problem, string expected)
    {
        string found = Element.ValueKind == JsonValueKind.Undefined ? "nothing" : HostileText.Shorten(Element.GetRawText(), longest: 80);
        return new(File, problem, expected, found, Path);
    }

    /// <summary>The error to throw about a type at this place that is not known.</summary>
    public UnsupportedModelException Unsupported(string what, params string[] supported) =>
        new($"{HostileText.Shorten(what)} at {Path} of {File}", supported);

    private ModelFormatException NotUnicode(string what, Exception e) =>
        new(File, $"{what} is not Unicode text", "no lone surrogates", "an escape of one half of a pair", Path, innerException: e);

    private void Expect(JsonValueKind kind, string expected)
    {
        if (Element.ValueKind != kind)
        {
            throw Fail("a value is missing or has the wrong kind", expected);
        }
    }

    // The parser counts lines; people who look at a hex dump want bytes.
    private static long? Offset(byte[] bytes, JsonException e)
    {
        if (e.LineNumber is not { } line || e.BytePositionInLine is not { } column)
        {
            return null;
        }

        int at = 0;
        for (; line > 0; line--)
        {
            int next = Array.IndexOf(bytes, (byte)'\n', at);
            if (next < 0)
            {
                break;
            }

            at = next + 1;
        }

        return at + column;
    }
}
