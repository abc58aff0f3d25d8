using System.CommandLine;
using Exo.Cli.Output;
using Exo.Sdk;

namespace Exo.Cli.Commands;

/// <summary>The options that say what a running cluster is made of.</summary>
internal sealed class ClusterArguments
{
    private readonly ModelArguments _model = new();

    private readonly Option<bool> _processes = new("--processes", "-p")
    {
        Description = "Each rank after rank 0 in a child process instead of a thread.",
    };

    private readonly Option<string[]> _nodes = new("--node")
    {
        Description = "Adds a rank on a node started with 'exo node'. May be given several times.",
        HelpName = "HOST:PORT",
    };

    private readonly Option<string?> _keyFile = new("--cluster-key-file")
    {
        Description = "File with the key that all machines of the cluster share. Needed for nodes on other machines.",
        HelpName = "FILE",
    };

    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "Compute threads of each local rank. Default: the processors divided by the ranks.",
        HelpName = "N",
    };

    private readonly Option<ActivationPrecision> _activations = new("--activations")
    {
        Description = "How numbers that enter quantized products are held: Float32 (exact) or Int8 (faster, about 5e-3 relative error a product).",
        DefaultValueFactory = _ => ActivationPrecision.Float32,
    };

    private readonly BackendArguments _backend = new();

    private readonly TransportArguments _transport = new();

    private readonly Option<bool> _pin = new("--pin")
    {
        Description = "Bind the compute threads of local ranks to processors.",
    };

    private readonly Option<double?> _connectTimeout = new("--connect-timeout")
    {
        Description = "How long ranks may take to start, to be reached and to connect with each other, each for itself. Default: 10.",
        HelpName = "SECONDS",
    };

    private readonly Option<double?> _heartbeatTimeout = new("--heartbeat-timeout")
    {
        Description = "How long a rank may be silent before it counts as lost. Default: 1.2, eight beats of 150 ms, so that a dead or frozen machine "
            + "is an error within 2 s. A machine that pauses for longer (suspended, swapping) is lost too; if yours do, set more, and a real loss is noticed that much later.",
        HelpName = "SECONDS",
    };

    private readonly Option<WirePrecision> _wire = new("--wire")
    {
        Description = "How partial sums travel between ranks: Float32 (exact), BFloat16 or Int8Blocks (for slow networks).",
        DefaultValueFactory = _ => WirePrecision.Float32,
    };

    public void AddTo(Command command)
    {
        _model.AddTo(command);
        command.Options.Add(_processes);
        command.Options.Add(_nodes);
        command.Options.Add(_keyFile);
        command.Options.Add(_threads);
        command.Options.Add(_activations);
        _backend.AddTo(command);
        _transport.AddTo(command);
        command.Options.Add(_connectTimeout);
        command.Options.Add(_heartbeatTimeout);
        command.Options.Add(_pin);
        command.Options.Add(_wire);
    }

    /// <summary>Starts a cluster and shows how far it has come.</summary>
    public static async Task<Cluster> StartAsync(ClusterBuilder builder, CancellationToken cancellationToken)
    {
        StatusLine status = new();
        Cluster cluster = await builder.ReportProgress(status).BuildAsync(cancellationToken).ConfigureAwait(false);
        status.Clear();
        return cluster;
    }

    /// <summary>What the cluster is made of.</summary>
    /// <exception cref="ConfigurationException">An option cannot work.</exception>
    public ClusterBuilder Read(ParseResult result)
    {
        ClusterBuilder builder = new ClusterBuilder()
            .UseModel(_model.Folder(result))
            .UseLocalRanks(
                result.GetAtLeast(_model.Ranks, 1),
                result.GetValue(_processes) ? RankHosting.ChildProcess : RankHosting.InProcess)
            .UseActivations(result.GetValue(_activations))
            .UseKeyValues(result.GetValue(_model.KeyValues))
            .UseWirePrecision(result.GetValue(_wire));
        _transport.Apply(result, builder);
        foreach (string node in result.GetValue(_nodes) ?? [])
        {
            builder.AddNode(node);
        }

        if (result.GetValue(_keyFile) is { } file)
        {
            builder.UseClusterKey(KeyFile.Read(file));
        }

        if (_backend.Choose(result) is { } backend)
        {
            builder.UseBackend(backend);
        }

        if (_model.SharesOf(result) is { } shares)
        {
            builder.UseShares(shares);
        }

        if (result.GetAtLeast(_model.Context, 1) is { } context)
        {
            builder.UseContextLength(context);
        }

        if (result.GetValue(_pin))
        {
            builder.PinThreads();
        }

        if (Seconds(result, _connectTimeout, 0.001) is { } connect)
        {
            builder.UseConnectTimeout(connect);
        }

        if (Seconds(result, _heartbeatTimeout, 0.1) is { } silence)
        {
            HeartbeatOptions usual = new();
            builder.UseHeartbeats(new HeartbeatOptions
            {
                Timeout = silence,
                Interval = silence < usual.Timeout ? usual.Interval * (silence / usual.Timeout) : usual.Interval,
            });
        }

        if (result.GetAtLeast(_threads, 1) is { } threads)
        {
            builder.UseThreadsPerRank(threads);
        }

        return builder;
    }

    private static TimeSpan? Seconds(ParseResult result, Option<double?> option, double least) =>
        result.GetWithin(option, value => value is null || (value >= least && value <= 3600), FormattableString.Invariant($"{least} to 3600 seconds"))
            is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
}
