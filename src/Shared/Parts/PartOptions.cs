using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Exo.Sdk.Parts;

/// <summary>Options of a part as JSON, for <see cref="IChildProcessPart"/>.</summary>
internal static class PartOptions
{
    /// <summary>The options as text.</summary>
    public static string Describe<T>(T options, JsonTypeInfo<T> type) => JsonSerializer.Serialize(options, type);

    /// <summary>Reads what <see cref="Describe"/> wrote, in another process. Ranges are the caller's to check.</summary>
    /// <param name="description">The text.</param>
    /// <param name="type">How it reads; unknown names, missing values and null where none may be are refused if it says so.</param>
    /// <param name="part">Whose options they are, for errors.</param>
    /// <exception cref="ConfigurationException">It is not what <see cref="Describe"/> writes.</exception>
    public static T Read<T>(string description, JsonTypeInfo<T> type, string part)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(description);
        if (description.Length > IChildProcessPart.MaxDescriptionLength)
        {
            throw new ConfigurationException(
                $"The options of {part} have {description.Length} characters; at most {IChildProcessPart.MaxDescriptionLength} are read.");
        }

        try
        {
            return JsonSerializer.Deserialize(description, type) ?? throw Damaged(part, "they are null");
        }
        catch (JsonException error)
        {
            throw Damaged(part, $"no such options at line {error.LineNumber ?? 0}, byte {error.BytePositionInLine ?? 0}");
        }
    }

    /// <summary>Checks a time that a part takes.</summary>
    /// <exception cref="ConfigurationException">It is below 0 or above a day.</exception>
    public static TimeSpan RequireTime(TimeSpan value, string part, string option) => value >= TimeSpan.Zero && value <= TimeSpan.FromDays(1)
        ? value
        : throw new ConfigurationException($"{option} of {part} is {value}; expected 0 to 1 day.");

    private static ConfigurationException Damaged(string part, string problem) => new($"The options of {part} cannot be read: {problem}.");
}
