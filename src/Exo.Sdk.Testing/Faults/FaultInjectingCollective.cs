namespace Exo.Sdk.Testing.Faults;

/// <summary>A rank's group whose operations pass through the rank's faults.</summary>
internal sealed class FaultInjectingCollective : ICollective
{
    private readonly ICollective _inner;
    private readonly RankFaults _faults;
    private volatile bool _hasEnded;

    public FaultInjectingCollective(ICollective inner, RankFaults faults)
    {
        _inner = inner;
        _faults = faults;
        faults.Attach(this);
    }

    public int Rank => _inner.Rank;

    public int Size => _inner.Size;

    public ulong Epoch => _inner.Epoch;

    /// <summary>Whether this rank's own side was aborted, disposed or killed. Of its peers' a frozen rank knows nothing.</summary>
    public bool HasEnded => _hasEnded;

    public void AllReduceSum(Span<float> values)
    {
        _faults.Begin(this);
        _inner.AllReduceSum(values);
        _faults.Complete(this);
    }

    public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts)
    {
        _faults.Begin(this);
        _inner.AllGather(mine, all, counts);
        _faults.Complete(this);
    }

    public void Broadcast(Span<byte> message, int root)
    {
        _faults.Begin(this);
        _inner.Broadcast(message, root);
        _faults.Complete(this);
    }

    public void Send(ReadOnlySpan<byte> message, int peer)
    {
        _faults.Begin(this);
        _inner.Send(message, peer);
        _faults.Complete(this);
    }

    public void Receive(Span<byte> message, int peer)
    {
        _faults.Begin(this);
        _inner.Receive(message, peer);
        _faults.Complete(this);
    }

    public void Barrier()
    {
        _faults.Begin(this);
        _inner.Barrier();
        _faults.Complete(this);
    }

    public void WaitForMessage(int peer)
    {
        _faults.Begin(this);
        _inner.WaitForMessage(peer);
        _faults.Complete(this);
    }

    public void Abort(int lostRank, string reason)
    {
        _inner.Abort(lostRank, reason);
        End();
    }

    public void Dispose()
    {
        _inner.Dispose();
        End();
    }

    private void End()
    {
        _hasEnded = true;
        _faults.Wake();
    }
}
