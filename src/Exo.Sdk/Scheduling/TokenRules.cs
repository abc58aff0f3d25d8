namespace Exo.Sdk.Scheduling;

/// <summary>What tokens may reach a shard.</summary>
internal static class TokenRules
{
    /// <summary>Requires tokens that the model knows, and no more than a sequence may hold with some that are still to come.</summary>
    /// <exception cref="ConfigurationException">They are not.</exception>
    public static void Check(ReadOnlySpan<int> tokens, int vocabularySize, int contextLength, int stillToCome = 0)
    {
        if (tokens.IsEmpty)
        {
            throw new ConfigurationException("The prompt has no tokens, and the model has no BOS token to start from.");
        }

        if (tokens.Length > contextLength - stillToCome)
        {
            throw new ConfigurationException(
                $"The prompt has {tokens.Length} tokens; the context holds {contextLength} with the answer. Shorten it, or raise the limit with UseContextLength.");
        }

        CheckVocabulary(tokens, vocabularySize);
    }

    /// <summary>Requires tokens that the model knows.</summary>
    /// <exception cref="ConfigurationException">One is outside the vocabulary.</exception>
    public static void CheckVocabulary(ReadOnlySpan<int> tokens, int vocabularySize)
    {
        int at = tokens.IndexOfAnyExceptInRange(0, vocabularySize - 1);
        if (at >= 0)
        {
            throw new ConfigurationException(
                $"Token {tokens[at]}, at place {at} of the prompt, is outside the vocabulary of {vocabularySize}. Where text became this token, the tokenizer is another model's.");
        }
    }

    /// <summary>Requires that a sequence can go on with a token.</summary>
    /// <exception cref="GenerationException">It cannot.</exception>
    public static void CheckNext(int token, SequenceRequest request, int vocabularySize, int contextLength)
    {
        if ((uint)token >= (uint)vocabularySize)
        {
            throw new GenerationException($"The generation chose token {token}, which is outside the vocabulary of {vocabularySize}.");
        }

        if (request.IsFull || request.Tokens.Length >= contextLength)
        {
            throw new GenerationException($"The generation goes on after {request.Tokens.Length} tokens, which is all it or the context of {contextLength} can hold.");
        }
    }
}
