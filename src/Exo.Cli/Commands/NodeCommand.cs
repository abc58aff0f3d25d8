using System.CommandLine;
using System.Net;
using Exo.Sdk;

namespace Exo.Cli.Commands;

/// <summary><c>exo node</c>: serves hosts until it is interrupted.</summary>
internal static class NodeCommand
{
    public static Command Create()
    {
        Option<string> listen = new("--listen", "-l")
        {
            Description = "Where to listen. Anything but loopback needs a cluster key.",
            HelpName = "ADDRESS:PORT",
            DefaultValueFactory = _ => "127.0.0.1:7070",
        };
        Option<string?> keyFile = new("--cluster-key-file")
        {
            Description = "File with the key that all machines of the cluster share.",
            HelpName = "FILE",
        };
        Option<string?> model = new("--model", "-m")
        {
            Description = "The one model that this node serves, whatever path the host names.",
            HelpName = "DIR",
        };
        Option<string[]> roots = new("--models")
        {
            Description = "Folder below which this node keeps models; may be given several times. Nothing else of this machine is opened. "
                + "Default: the folder of the embedded models.",
            HelpName = "DIR",
        };
        BackendArguments backends = new();
        Command command = new("node", "Waits for hosts and runs a rank for one at a time.");
        command.Options.Add(listen);
        command.Options.Add(keyFile);
        command.Options.Add(model);
        command.Options.Add(roots);
        backends.AddSettingsTo(command);
        command.SetWork(async (result, cancellationToken) =>
        {
            string text = result.GetValue(listen)!;
            if (!IPEndPoint.TryParse(text, out IPEndPoint? endpoint) || !text.Contains(':', StringComparison.Ordinal))
            {
                throw new ConfigurationException($"--listen: '{text}' is not an address and port such as 0.0.0.0:7070.");
            }

            string? key = result.GetValue(keyFile) is { } file ? KeyFile.Read(file) : null;
            ExoNode node = ExoNode.Start(new NodeOptions
            {
                Listen = endpoint,
                ClusterKey = key,
                ModelFolder = result.GetValue(model),
                ModelRoots = result.GetValue(roots) is { Length: > 0 } stated ? stated : null,
                Backends = backends.Offer(result),
                Transports = TransportArguments.BetweenProcesses(),
                LoggerFactory = new ConsoleLog(),
            });
            await using (node.ConfigureAwait(false))
            {
                await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        });
        return command;
    }
}
