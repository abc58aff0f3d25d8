namespace Exo.Sdk.Scheduling;

/// <summary>A request while an engine runs it: what of its tokens is in the cache, and where.</summary>
/// <param name="request">The request.</param>
/// <param name="slot">Its KV cache slot.</param>
internal sealed class RunningSequence(SequenceRequest request, int slot)
{
    public SequenceRequest Request { get; } = request;

    public int Slot { get; } = slot;

    /// <summary>Positions in the KV cache, those of the step under way included.</summary>
    public int Length { get; set; }

    /// <summary>Tokens that are still to be fed: the rest of the prompt, or the one token that was generated last.</summary>
    public ReadOnlySpan<int> Pending => Request.Tokens[Length..];
}
