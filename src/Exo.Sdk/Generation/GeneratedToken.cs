namespace Exo.Sdk;

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>The model gave an EOS token, or a stop string appeared.</summary>
    Stop,

    /// <summary>The token limit or the context length was reached.</summary>
    Length,
}

/// <summary>What a generation cost.</summary>
/// <param name="PromptTokens">Tokens of the prompt, the BOS token included.</param>
/// <param name="GeneratedTokens">Tokens generated, an EOS token included.</param>
/// <param name="PrefillTime">From admission to the first token.</param>
/// <param name="DecodeTime">From the first token to the last.</param>
public readonly record struct GenerationUsage(int PromptTokens, int GeneratedTokens, TimeSpan PrefillTime, TimeSpan DecodeTime)
{
    /// <summary>Generated tokens per second after the first; 0 where there was only one.</summary>
    public double DecodeTokensPerSecond =>
        GeneratedTokens > 1 && DecodeTime > TimeSpan.Zero ? (GeneratedTokens - 1) / DecodeTime.TotalSeconds : 0;

    /// <summary>Prompt tokens per second.</summary>
    public double PrefillTokensPerSecond => PrefillTime > TimeSpan.Zero ? PromptTokens / PrefillTime.TotalSeconds : 0;
}

/// <summary>One step of a generation.</summary>
/// <param name="Id">The token.</param>
/// <param name="Text">
/// The text that became certain with it. It may be empty, or span several tokens: half a character, or text that may turn out to be a stop string, is held back.
/// </param>
/// <param name="FinishReason">Set on the last item.</param>
/// <param name="Usage">Set on the last item.</param>
public readonly record struct GeneratedToken(int Id, string Text, FinishReason? FinishReason = null, GenerationUsage? Usage = null);
