using System.Text.Json;

namespace Exo.Sdk;

/// <summary>One message of a conversation.</summary>
/// <param name="Role"><c>system</c>, <c>user</c> or <c>assistant</c>, or what else the model's template knows.</param>
/// <param name="Content">The text. Special tokens typed in it stay text.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>
    /// What else the message holds for the model's template, for example <c>tool_calls</c>, <c>name</c> or
    /// <c>reasoning_content</c>. An entry named <c>content</c> takes the place of <see cref="Content"/>: null where a call of
    /// a tool has no text, or a list for templates that know content in parts.
    /// </summary>
    public IReadOnlyDictionary<string, JsonElement>? Fields { get; init; }
}
