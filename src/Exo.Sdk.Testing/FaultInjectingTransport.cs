using System.Collections.Concurrent;
using Exo.Sdk.Testing.Faults;
using Exo.Sdk.Transport;

namespace Exo.Sdk.Testing;

/// <summary>
/// Wraps a transport so that a test can kill, freeze and slow down ranks, at once or at a chosen operation, and see how its program
/// takes it. It acts on ranks whose end of the transport this object opened, that is, on those in this process. Thread-safe.
/// </summary>
/// <remarks>
/// An operation is a call of any method of <see cref="ICollective"/> that talks to peers, <see cref="ICollective.WaitForMessage"/>
/// included. Operations are counted for each rank over the life of this object; faults may be laid down before anything is connected.
/// Where a rank had several groups, one after the other, the newest is meant.
/// </remarks>
/// <example>
/// <code>
/// FaultInjectingTransport faults = new();
/// await using Cluster cluster = await TestCluster.StartAsync(3, builder => builder.UseTransport(faults));
/// faults.Kill(rank: 1, afterOperations: 20);
/// PeerLostException error = await Assert.ThrowsAsync&lt;PeerLostException>(() => cluster.GenerateTextAsync("Tell me a story."));
/// Assert.Equal(1, error.LostRank);
/// </code>
/// </example>
public sealed class FaultInjectingTransport : ITransport
{
    private readonly ITransport _inner;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<int, RankFaults> _ranks = new();

    /// <summary>Wraps a transport.</summary>
    /// <param name="inner">What carries the messages; null for <see cref="InProcessTransport"/>.</param>
    /// <param name="timeProvider">The clock of <see cref="Delay"/>; null for the system's.</param>
    public FaultInjectingTransport(ITransport? inner = null, TimeProvider? timeProvider = null)
    {
        _inner = inner ?? new InProcessTransport();
        _time = timeProvider ?? TimeProvider.System;
    }

    /// <summary>The wrapped transport's name, so that ranks elsewhere can use that transport as it is.</summary>
    public string Name => _inner.Name;

    /// <inheritdoc/>
    public Availability Probe() => _inner.Probe();

    /// <inheritdoc/>
    public TransportReach Reach() => _inner.Reach();

    /// <inheritdoc/>
    public async ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default) =>
        new Endpoint(this, await _inner.OpenAsync(options, cancellationToken).ConfigureAwait(false));

    /// <summary>
    /// Closes a rank's group as a dying process would: its peers get <see cref="PeerLostException"/> naming it, its own operations
    /// <see cref="ObjectDisposedException"/>. A group that the rank joins later is a new life.
    /// </summary>
    /// <param name="rank">The rank.</param>
    /// <param name="afterOperations">How many more operations the rank begins before that; 0 for at once.</param>
    public void Kill(int rank, int afterOperations = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(afterOperations);
        RankOf(rank).Kill(afterOperations);
    }

    /// <summary>
    /// Stops a rank as a debugger or a swapping machine would: an operation that is under way or begins later does not return until
    /// <see cref="Thaw"/>, or until the rank's own group is aborted or disposed. Its peers wait for their group's deadline.
    /// </summary>
    /// <param name="rank">The rank.</param>
    /// <param name="afterOperations">How many more operations the rank begins before that; 0 for at once.</param>
    public void Freeze(int rank, int afterOperations = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(afterOperations);
        RankOf(rank).Freeze(afterOperations);
    }

    /// <summary>Lets a frozen rank go on. A freeze that was laid down for later is taken back.</summary>
    /// <param name="rank">The rank.</param>
    public void Thaw(int rank) => RankOf(rank).Thaw();

    /// <summary>Makes every operation that a rank begins from now on wait first, as over a slow or distant link.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="delay">The time before each operation; zero for none.</param>
    public void Delay(int rank, TimeSpan delay)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        RankOf(rank).Delay(delay);
    }

    /// <summary>How many operations a rank has begun.</summary>
    /// <param name="rank">The rank.</param>
    /// <returns>The number over all groups that the rank had through this object.</returns>
    public long OperationsOf(int rank) => RankOf(rank).Operations;

    private RankFaults RankOf(int rank)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        return _ranks.GetOrAdd(rank, static (_, time) => new RankFaults(time), _time);
    }

    private sealed class Endpoint(FaultInjectingTransport transport, ITransportEndpoint inner) : ITransportEndpoint
    {
        public string Address => inner.Address;

        public async ValueTask<ICollective> ConnectAsync(GroupDescription group, CancellationToken cancellationToken = default) =>
            new FaultInjectingCollective(
                await inner.ConnectAsync(group, cancellationToken).ConfigureAwait(false),
                transport.RankOf(group.Rank));

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
