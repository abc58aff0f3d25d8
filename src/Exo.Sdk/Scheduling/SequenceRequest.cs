namespace Exo.Sdk.Scheduling;

/// <summary>
/// A sequence that the engine runs: its tokens so far and what to do with the logits after them. All members but
/// <see cref="Cancel"/> belong to the engine's thread.
/// </summary>
internal abstract class SequenceRequest(int[] prompt)
{
    private volatile bool _isCancelled;

    /// <summary>The tokens to prefill; at least one.</summary>
    public int[] Prompt { get; } = prompt;

    /// <summary>The KV cache slot while the sequence runs.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>Positions in the KV cache, those of the step under way included.</summary>
    public int Length { get; set; }

    /// <summary>The token that the next decode step feeds, once the prompt is done.</summary>
    public int NextToken { get; set; }

    public bool IsPrefilling => Length < Prompt.Length;

    public bool IsCancelled => _isCancelled;

    /// <summary>Asks the engine to drop the sequence before its next step. Thread-safe.</summary>
    public void Cancel() => _isCancelled = true;

    /// <summary>Called when a slot was found.</summary>
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
