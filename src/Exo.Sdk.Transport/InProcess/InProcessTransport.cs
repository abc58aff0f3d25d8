using System.Globalization;
using Exo.Sdk.Transport.Collectives;
using Exo.Sdk.Transport.InProcess;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport;

/// <summary>
/// Groups whose ranks are threads of one process, over rings in memory: the semantics of
/// <see cref="TcpTransport"/> without the network. Thread-safe.
/// </summary>
public sealed class InProcessTransport : ITransport
{
    private static long _endpoints;

    /// <summary>How long a collective polls before it blocks: 100 µs by default.</summary>
    public TimeSpan Spin { get; init; } = TimeSpan.FromMicroseconds(100);

    /// <inheritdoc/>
    public string Name => "in-process";

    /// <inheritdoc/>
    public TransportReach Reach() => new() { Scope = TransportScope.Process };

    /// <inheritdoc/>
    public Availability Probe() => Availability.Yes("rings in this process's memory");

    /// <inheritdoc/>
    public ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        string address = string.Create(CultureInfo.InvariantCulture, $"in-process:{Interlocked.Increment(ref _endpoints)}");
        return ValueTask.FromResult<ITransportEndpoint>(new Endpoint(this, address));
    }

    private sealed class Endpoint(InProcessTransport transport, string address) : ITransportEndpoint
    {
        private readonly CancellationTokenSource _disposal = new();

        public string Address => address;

        public async ValueTask<ICollective> ConnectAsync(GroupDescription group, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(_disposal.IsCancellationRequested, this);
            GroupCheck.Validate(group, address);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposal.Token);
            try
            {
                InProcessGroup shared = await InProcessRendezvous.MeetAsync(group, either.Token).ConfigureAwait(false);
                return new Collective(new InProcessLinkGroup(group, shared), group, transport.Spin, localRanks: group.Size);
            }
            catch (OperationCanceledException) when (_disposal.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new ObjectDisposedException(nameof(Endpoint));
            }
        }

        public async ValueTask DisposeAsync() => await _disposal.CancelAsync().ConfigureAwait(false);
    }
}
