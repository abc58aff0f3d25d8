using Exo.Sdk;
using Exo.Sdk.Transport;

/// <summary>TCP by a name that is an option: a child that did not get it would not know the name that its parent asks for.</summary>
internal sealed class PrefixedTransport : ITransport, IChildProcessPart
{
    private readonly TcpTransport _inner = new();

    public string Prefix { get; init; } = "none";

    public string Name => $"{Prefix}-tcp";

    public string DescribeOptions() => Prefix;

    public IChildProcessPart WithOptions(string options) => new PrefixedTransport { Prefix = options };

    public Availability Probe() => _inner.Probe();

    public ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default) =>
        _inner.OpenAsync(options, cancellationToken);
}
