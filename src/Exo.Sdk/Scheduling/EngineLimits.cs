namespace Exo.Sdk.Scheduling;

/// <summary>What the ranks of one epoch agree on; each sizes its buffers by it.</summary>
/// <param name="ContextLength">The most tokens in one sequence.</param>
/// <param name="MaxSequences">Sequences that run at a time.</param>
/// <param name="MaxBatchTokens">Tokens in one step.</param>
/// <param name="VocabularySize">Logits per row.</param>
/// <param name="MaxPages">Cache pages that one step may name; 0 while every sequence has memory of its own.</param>
internal sealed record EngineLimits(int ContextLength, int MaxSequences, int MaxBatchTokens, int VocabularySize, int MaxPages = 0);
