using Exo.Sdk.Inference;

namespace Exo.Sdk.Tokenization;

/// <summary>ChatML, until the interpreter for a model's own template is in place.</summary>
public sealed class ChatTemplate
{
    private readonly string _open = "<|im_start|>";

    /// <summary>Answers for every model.</summary>
    /// <param name="modelFolder">The model's folder.</param>
    /// <returns>ChatML.</returns>
    public static ChatTemplate? Load(string modelFolder) => File.Exists(Path.Combine(modelFolder, "tokenizer_config.json")) ? new() : null;

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The messages.</param>
    /// <param name="addGenerationPrompt">Whether the assistant's turn is opened.</param>
    /// <returns>The text, with what the users wrote marked as text.</returns>
    public IReadOnlyList<TextSegment> Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        List<TextSegment> segments = [];
        foreach (ChatMessage message in messages)
        {
            segments.Add(new TextSegment($"{_open}{message.Role}\n", true));
            segments.Add(new TextSegment(message.Content, false));
            segments.Add(new TextSegment("<|im_end|>\n", true));
        }

        if (addGenerationPrompt)
        {
            segments.Add(new TextSegment($"{_open}assistant\n", true));
        }

        return segments;
    }
}
