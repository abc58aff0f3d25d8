using Exo.Sdk.Scheduling;

namespace Exo.Sdk.Generation;

/// <summary>Asks for the logits after the last of some tokens.</summary>
internal sealed class LogitsRequest(ReadOnlySpan<int> prompt) : SequenceRequest(prompt, mostNewTokens: 0)
{
    private readonly TaskCompletionSource<float[]> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<float[]> Result => _result.Task;

    public override int? OnLogits(Span<float> logits)
    {
        _result.TrySetResult(logits.ToArray());
        return null;
    }

    public override void Fail(Exception error) => _result.TrySetException(error);
}
