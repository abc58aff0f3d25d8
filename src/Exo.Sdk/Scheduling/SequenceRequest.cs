namespace Exo.Sdk.Scheduling;

/// <summary>
/// A sequence that somebody asked for: its tokens so far and what to do with the logits after them. It belongs to no engine: what an engine
/// knows of it, slot and place in the cache, is the engine's own. All members but <see cref="Cancel"/> and <see cref="Fail"/> are the
/// engine's to call, on its thread.
/// </summary>
/// <param name="prompt">The tokens to begin with; copied, and checked by <see cref="Engine.Submit"/> before anything is made of them.</param>
/// <param name="mostNewTokens">How many tokens it may grow by at most.</param>
internal abstract class SequenceRequest(ReadOnlySpan<int> prompt, int mostNewTokens)
{
    private readonly int[] _tokens = [.. prompt, .. new int[mostNewTokens]];
    private int _count = prompt.Length;
    private volatile bool _isCancelled;

    /// <summary>How many tokens it began with.</summary>
    public int PromptLength { get; } = prompt.Length;

    /// <summary>The prompt and all that was generated since, one token or more: what a cache must hold to go on from here.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _count);

    /// <summary>Whether nothing can be added.</summary>
    public bool IsFull => _count == _tokens.Length;

    public bool IsCancelled => _isCancelled;

    /// <summary>Asks the engine to drop the sequence before its next step. Thread-safe.</summary>
    public void Cancel() => _isCancelled = true;

    /// <summary>Adds the token that the sequence goes on with.</summary>
    public void Add(int token) => _tokens[_count++] = token;

    /// <summary>Called when a slot was found. What it throws fails this sequence and no other.</summary>
    public virtual void OnAdmitted()
    {
    }

    /// <summary>Takes the logits after the last token. What it throws fails this sequence and no other.</summary>
    /// <param name="logits">One value for each vocabulary entry; may be overwritten.</param>
    /// <returns>The token to go on with, or null when the sequence is finished.</returns>
    public abstract int? OnLogits(Span<float> logits);

    /// <summary>Ends the sequence with an error. Where engine and caller meet the same end it may be called twice, also on the caller's thread.</summary>
    /// <param name="error">What the caller gets.</param>
    public abstract void Fail(Exception error);
}
