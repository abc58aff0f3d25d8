using Exo.Sdk.Models;
using Exo.Sdk.Scheduling;
using Exo.Sdk.Tokenization;

namespace Exo.Sdk.Generation;

/// <summary>Turns prompts into tokens that the model has. Immutable and safe for concurrent use.</summary>
internal sealed class PromptEncoder(Tokenizer tokenizer, ChatTemplate? template, ModelSpec model)
{
    /// <summary>Whether the model brings a chat template.</summary>
    public bool HasTemplate => template is not null;

    /// <summary>The tokens of a prompt, BOS token and chat template included.</summary>
    /// <exception cref="ConfigurationException">The prompt is empty where it may not be, or a token is outside the vocabulary.</exception>
    /// <exception cref="ExoException">The tokenizer or the template fails on it.</exception>
    public int[] Encode(Prompt prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        int[] tokens;
        try
        {
            tokens = prompt switch
            {
                Prompt.UserPrompt user when template is null => Encode(user.Message),
                Prompt.UserPrompt user => Encode(template, [new ChatMessage("user", user.Message)]),
                Prompt.ChatPrompt chat => Encode(template, chat.Messages),
                Prompt.RawPrompt raw => Encode(raw.Text),
                Prompt.TokenPrompt given => [.. given.Ids],
                _ => throw new ConfigurationException($"There is no prompt of the kind {prompt.GetType().Name}."),
            };
        }
        catch (Exception error) when (error is not ExoException)
        {
            throw new GenerationException($"The prompt could not be turned into tokens: {error.Message}", error);
        }

        // A tokenizer is a file beside the model's: that its tokens are the model's is checked, not believed.
        TokenRules.CheckVocabulary(tokens, model.VocabularySize);
        return tokens;
    }

    /// <summary>Plain text begins with the BOS token, also where the tokenizer's own rules leave that to the chat template.</summary>
    private int[] Encode(string text)
    {
        int[] ids = tokenizer.Encode(text);
        int? begin = tokenizer.BeginToken ?? (ids.Length == 0 ? model.BeginToken : null);
        return begin is { } token && (ids.Length == 0 || ids[0] != token) ? [token, .. ids] : ids;
    }

    private int[] Encode(ChatTemplate? template, IReadOnlyList<ChatMessage> messages)
    {
        if (template is null)
        {
            throw new ConfigurationException("The model has no chat template; use Prompt.Raw or Prompt.Tokens.");
        }

        if (messages.Count == 0)
        {
            throw new ConfigurationException("The conversation has no messages.");
        }

        for (int i = 0; i < messages.Count; i++)
        {
            if (messages[i] is not { Role: not null, Content: not null })
            {
                throw new ConfigurationException($"Message {i} of the conversation is null, or has no role or no content.");
            }
        }

        return [.. tokenizer.Encode(template.Render(messages, addGenerationPrompt: true), addSpecialTokens: false)];
    }
}
