using System.CommandLine;
using Exo.Sdk;
using Exo.Sdk.Rdma;
using Exo.Sdk.Transport;

namespace Exo.Cli.Commands;

/// <summary>The transports that the command knows, and the option that insists on one.</summary>
internal sealed class TransportArguments
{
    private const string Automatic = "auto";

    private readonly Option<string> _name;

    public TransportArguments()
    {
        string[] names = [Automatic, .. BetweenProcesses().Select(transport => transport.Name)];
        _name = new Option<string>("--transport")
        {
            Description = "How ranks talk: auto takes RDMA where ranks are on different machines and all have it, else shared memory on one machine, else TCP.",
            DefaultValueFactory = _ => Automatic,
        };
        _name.AcceptOnlyFromAmong(names);
    }

    /// <summary>A new transport of each kind.</summary>
    public static IReadOnlyList<ITransport> All() => [new InProcessTransport(), .. BetweenProcesses()];

    /// <summary>A new transport of each kind that reaches other processes; what a node offers.</summary>
    public static IReadOnlyList<ITransport> BetweenProcesses() => [new RdmaTransport(), new SharedMemoryTransport(), new TcpTransport()];

    public void AddTo(Command command) => command.Options.Add(_name);

    /// <summary>Sets the transport that is asked for, or leaves the choice to the cluster with RDMA among the candidates.</summary>
    public void Apply(ParseResult result, ClusterBuilder builder)
    {
        string name = result.GetValue(_name)!;
        _ = name == Automatic
            ? builder.UseRdma()
            : builder.UseTransport(BetweenProcesses().First(transport => transport.Name == name));
    }
}
