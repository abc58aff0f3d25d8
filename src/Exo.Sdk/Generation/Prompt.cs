namespace Exo.Sdk;

/// <summary>What a generation starts from. A string converts to <see cref="User"/>.</summary>
public abstract record Prompt
{
    private Prompt()
    {
    }

    /// <summary>One user message through the model's chat template; plain text where the model has none.</summary>
    /// <param name="message">What the user says.</param>
    /// <returns>The prompt.</returns>
    public static Prompt User(string message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return new UserPrompt(message);
    }

    /// <summary>A conversation through the model's chat template.</summary>
    /// <param name="messages">The messages so far, oldest first.</param>
    /// <returns>The prompt.</returns>
    public static Prompt Chat(params IReadOnlyList<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return new ChatPrompt(messages);
    }

    /// <summary>Text to be continued, without a chat template. The BOS token goes before it.</summary>
    /// <param name="text">The text; it may be empty.</param>
    /// <returns>The prompt.</returns>
    public static Prompt Raw(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new RawPrompt(text);
    }

    /// <summary>Tokens to be continued, taken as they are.</summary>
    /// <param name="ids">At least one token.</param>
    /// <returns>The prompt.</returns>
    public static Prompt Tokens(params IReadOnlyList<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return new TokenPrompt(ids);
    }

    /// <summary>The same as <see cref="User"/>.</summary>
    /// <param name="message">What the user says.</param>
    public static implicit operator Prompt(string message) => User(message);

    internal sealed record UserPrompt(string Message) : Prompt;

    internal sealed record ChatPrompt(IReadOnlyList<ChatMessage> Messages) : Prompt;

    internal sealed record RawPrompt(string Text) : Prompt;

    internal sealed record TokenPrompt(IReadOnlyList<int> Ids) : Prompt;
}
