namespace Exo.Sdk.Tests.Scheduling;

/// <summary>A group of one, in which every operation is trivial, but for a broadcast that a test can block until <see cref="Abort"/>.</summary>
internal sealed class LoneGroup : ICollective
{
    private readonly ManualResetEventSlim _aborted = new();
    private Exception? _ending;

    /// <summary>Whether the next broadcast hangs, as on a peer that is frozen.</summary>
    public bool Hangs { get; set; }

    /// <summary>Set once a broadcast hangs.</summary>
    public ManualResetEventSlim Hanging { get; } = new();

    public int Broadcasts { get; private set; }

    public int Rank => 0;

    public int Size => 1;

    public ulong Epoch => 1;

    public void Broadcast(Span<byte> message, int root)
    {
        Broadcasts++;
        if (Hangs)
        {
            Hanging.Set();
            _aborted.Wait();
        }

        if (_ending is { } ending)
        {
            throw ending;
        }
    }

    public void Abort(int lostRank, string reason)
    {
        _ending ??= new PeerLostException(lostRank, reason);
        _aborted.Set();
    }

    public void AllReduceSum(Span<float> values)
    {
    }

    public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts) => mine.CopyTo(all);

    public void Send(ReadOnlySpan<byte> message, int peer) => throw new NotSupportedException();

    public void Receive(Span<byte> message, int peer) => throw new NotSupportedException();

    public ICollective? Split(int color, int key) => throw new NotSupportedException();

    public void Barrier()
    {
    }

    public void WaitForMessage(int peer) => throw new NotSupportedException();

    public void Dispose() => _aborted.Dispose();
}
