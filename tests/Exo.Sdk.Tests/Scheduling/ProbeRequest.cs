using System.Numerics.Tensors;
using Exo.Sdk.Scheduling;

namespace Exo.Sdk.Tests.Scheduling;

/// <summary>A sequence that takes the likeliest token a number of times and remembers them. It allocates nothing while it runs.</summary>
internal sealed class ProbeRequest(int[] prompt, int count) : SequenceRequest(prompt, count)
{
    private readonly int[] _tokens = new int[count];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _taken;

    /// <summary>Called on the engine's thread with the tokens taken so far; 0 at admission. It may throw.</summary>
    public Action<int>? OnToken { get; set; }

    /// <summary>The tokens taken so far.</summary>
    public int[] Taken => _tokens[..Volatile.Read(ref _taken)];

    /// <summary>Completes when the tokens are complete, when the engine fails the request, or by <see cref="Abandon"/>.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Given back in place of the likeliest token.</summary>
    public int? Answer { get; set; }

    /// <summary>Throws when the request is told of its end.</summary>
    public bool FailsToFail { get; set; }

    /// <summary>Cancels the request; nobody waits for it any more.</summary>
    public void Abandon()
    {
        Cancel();
        _ended.TrySetResult();
    }

    public override void OnAdmitted() => OnToken?.Invoke(0);

    public override int? OnLogits(Span<float> logits)
    {
        int token = TensorPrimitives.IndexOfMax(logits);
        _tokens[_taken] = token;
        Volatile.Write(ref _taken, _taken + 1);
        OnToken?.Invoke(_taken);
        if (_taken < _tokens.Length)
        {
            return Answer ?? token;
        }

        _ended.TrySetResult();
        return null;
    }

    public override void Fail(Exception error)
    {
        _ended.TrySetException(error);
        if (FailsToFail)
        {
            throw new InvalidOperationException("a request that cannot even fail");
        }
    }
}
