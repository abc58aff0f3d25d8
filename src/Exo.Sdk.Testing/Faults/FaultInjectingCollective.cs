namespace Exo.Sdk.Testing.Faults;

/// <summary>A rank's group whose operations pass through the rank's faults.</summary>
internal sealed class FaultInjectingCollective : ICollective
{
    private readonly ICollective _inner;
    private readonly RankFaults _faults;
    private readonly FaultInjectingCollective _whole;
    private volatile bool _hasEnded;

    public FaultInjectingCollective(ICollective inner, RankFaults faults)
    {
        _inner = inner;
        _faults = faults;
        _whole = this;
        faults.Attach(this);
    }

    private FaultInjectingCollective(ICollective part, FaultInjectingCollective whole) => (_inner, _faults, _whole) = (part, whole._faults, whole);

    public int Rank => _inner.Rank;

    public int Size => _inner.Size;

    public ulong Epoch => _inner.Epoch;

    /// <summary>Whether this rank's own side was aborted, disposed or killed. Of its peers' a frozen rank knows nothing.</summary>
    public bool HasEnded => _hasEnded;

    public void AllReduceSum(Span<float> values)
    {
        _faults.Begin(_whole);
        _inner.AllReduceSum(values);
        _faults.Complete(_whole);
    }

    public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts)
    {
        _faults.Begin(_whole);
        _inner.AllGather(mine, all, counts);
        _faults.Complete(_whole);
    }

    public void Broadcast(Span<byte> message, int root)
    {
        _faults.Begin(_whole);
        _inner.Broadcast(message, root);
        _faults.Complete(_whole);
    }

    public void Send(ReadOnlySpan<byte> message, int peer)
    {
        _faults.Begin(_whole);
        _inner.Send(message, peer);
        _faults.Complete(_whole);
    }

    public void Receive(Span<byte> message, int peer)
    {
        _faults.Begin(_whole);
        _inner.Receive(message, peer);
        _faults.Complete(_whole);
    }

    public void Barrier()
    {
        _faults.Begin(_whole);
        _inner.Barrier();
        _faults.Complete(_whole);
    }

    public void WaitForMessage(int peer)
    {
        _faults.Begin(_whole);
        _inner.WaitForMessage(peer);
        _faults.Complete(_whole);
    }

    public ICollective? Split(int color, int key)
    {
        _faults.Begin(_whole);
        ICollective? part = _inner.Split(color, key);
        _faults.Complete(_whole);
        return part is null ? null : new FaultInjectingCollective(part, _whole);
    }

    public void Abort(int lostRank, string reason)
    {
        _inner.Abort(lostRank, reason);
        _whole.End();
    }

    public void Dispose()
    {
        _inner.Dispose();
        if (_whole == this)
        {
            End();
        }
    }

    private void End()
    {
        _hasEnded = true;
        _faults.Wake();
    }
}
