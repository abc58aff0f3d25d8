namespace Exo.Sdk.Mlx.Tests.Support;

/// <summary>A group of one rank, which never needs to speak.</summary>
internal sealed class LoneGroup : ICollective
{
    public int Rank => 0;

    public int Size => 1;

    public ulong Epoch => 1;

    public void AllReduceSum(Span<float> values) => throw new InvalidOperationException("There is nobody to add to.");

    public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts) => mine.CopyTo(all);

    public void Broadcast(Span<byte> message, int root) => root.Should().Be(0);

    public void Send(ReadOnlySpan<byte> message, int peer) => throw new InvalidOperationException("There is nobody to send to.");

    public void Receive(Span<byte> message, int peer) => throw new InvalidOperationException("There is nobody to receive from.");

    public ICollective? Split(int color, int key) => throw new NotSupportedException();

    public void Barrier()
    {
    }

    public void WaitForMessage(int peer) => throw new InvalidOperationException("There is nobody to wait for.");

    public void Abort(int lostRank, string reason)
    {
    }

    public void Dispose()
    {
    }
}
