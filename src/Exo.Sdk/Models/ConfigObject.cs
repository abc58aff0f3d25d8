using System.Globalization;
using System.Text.Json;
using Exo.Sdk.Input;

namespace Exo.Sdk.Models;

/// <summary>
/// A JSON object of a model folder, read by name with bounds. Every refusal is a <see cref="ModelFormatException"/> that names
/// the file, the JSON path, what is expected and what is found. A value of null counts as absent, as in Hugging Face's configurations.
/// </summary>
public readonly struct ConfigObject
{
    /// <summary>The longest configuration file that is read.</summary>
    public const int MaxFileBytes = 16 << 20;

    private readonly JsonElement _element;

    private ConfigObject(string file, string path, JsonElement element)
    {
        File = file;
        Path = path;
        _element = element;
    }

    /// <summary>The file it is in.</summary>
    public string File { get; }

    /// <summary>Where in the file, <c>$</c> for the root.</summary>
    public string Path { get; }

    /// <summary>The names of all values.</summary>
    public IEnumerable<string> Names => _element.EnumerateObject().Select(property => property.Name);

    /// <summary>Reads a file that holds one object.</summary>
    public static ConfigObject ReadFile(string file)
    {
        byte[] text = BoundedFile.ReadAll(file, MaxFileBytes);
        HostileJson.RequireText(text, file, offset: 0);
        try
        {
            JsonElement root = JsonElement.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return root.ValueKind == JsonValueKind.Object
                ? new ConfigObject(file, "$", root)
                : throw new ModelFormatException(file, "the file has another form", "an object", root.ValueKind.ToString(), "$");
        }
        catch (JsonException error)
        {
            throw HostileJson.Malformed(file, error, offset: null);
        }
    }

    /// <summary>Whether the name is present, with null or a value.</summary>
    public bool Has(string name) => _element.TryGetProperty(name, out _);

    /// <summary>A whole number that must be there.</summary>
    public int Integer(string name, int min, int max) =>
        OptionalInteger(name, min, max) ?? throw Error(name, "a value is missing", Whole(min, max), "none");

    /// <summary>A whole number, or null where it is absent.</summary>
    public int? OptionalInteger(string name, int min, int max) =>
        Find(name) is not { } value ? null
        : IsInteger(value, min, max, out int number) ? number
        : throw Error(name, "the value is out of range", Whole(min, max), Show(value));

    /// <summary>A real number within bounds, both included, or null where it is absent.</summary>
    public double? OptionalReal(string name, double min, double max)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= min && number <= max
            ? number
            : throw Error(name, "the value is out of range", string.Create(CultureInfo.InvariantCulture, $"a number {min}…{max}"), Show(value));
    }

    /// <summary>A real number that must be there.</summary>
    public double Real(string name, double min, double max) =>
        OptionalReal(name, min, max)
        ?? throw Error(name, "a value is missing", string.Create(CultureInfo.InvariantCulture, $"a number {min}…{max}"), "none");

    /// <summary>A truth value.</summary>
    public bool Flag(string name, bool defaultValue) => Find(name) switch
    {
        null => defaultValue,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } other => throw Error(name, "the value has another form", "true or false", Show(other)),
    };

    /// <summary>A text, or null where it is absent.</summary>
    public string? OptionalText(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { } other => throw Error(name, "the value has another form", "a string", Show(other)),
    };

    /// <summary>Texts in a list, or null where the list is absent.</summary>
    public IReadOnlyList<string>? OptionalTexts(string name)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(item => item.GetString()!)]
            : throw Error(name, "the value has another form", "a list of strings", Show(value));
    }

    /// <summary>One whole number or a list of them, or null where it is absent.</summary>
    public IReadOnlyList<int>? OptionalIntegers(string name, int min, int max)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        IEnumerable<JsonElement> items = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value];
        List<int> numbers = [];
        foreach (JsonElement item in items)
        {
            numbers.Add(IsInteger(item, min, max, out int number)
                ? number
                : throw Error(name, "a value is out of range", Whole(min, max), Show(item)));
        }

        return numbers;
    }

    /// <summary>An object inside this one, or null where it is absent.</summary>
    public ConfigObject? OptionalObject(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } inner => new ConfigObject(File, PathOf(name), inner),
        { } other => throw Error(name, "the value has another form", "an object", Show(other)),
    };

    /// <summary>What kind of value a name has, or null where it is absent.</summary>
    public JsonValueKind? KindOf(string name) => Find(name)?.ValueKind;

    /// <summary>The error for one of the values.</summary>
    public ModelFormatException Error(string name, string problem, string expected, string found) =>
        new(File, problem, expected, found, PathOf(name));

    private JsonElement? Find(string name) =>
        _element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private string PathOf(string name) => $"{Path}.{HostileText.Shorten(name)}";

    private static bool IsInteger(JsonElement value, int min, int max, out int number)
    {
        number = 0;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out number) && number >= min && number <= max;
    }

    private static string Whole(int min, int max) => $"a whole number {min}…{max}";

    private static string Show(JsonElement value) => HostileText.Quote(value.GetRawText());
}
