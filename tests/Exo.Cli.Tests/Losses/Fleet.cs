using System.Diagnostics;
using System.Globalization;
using Exo.Sdk;
using Exo.Sdk.Testing;

namespace Exo.Cli.Tests.Losses;

/// <summary>A model that takes a while to load and to read a prompt, and nodes that serve it, whatever happens to them.</summary>
public sealed class Fleet : IAsyncLifetime
{
    public const string Key = "0123456789 this is the cluster's key";

    /// <summary>How long a loss may go unnoticed.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    public static readonly GenerationOptions Endless = new() { Temperature = 0, MaxTokens = 100_000, IgnoreEndTokens = true };

    private readonly string _folder = Directory.CreateTempSubdirectory("exo-losses-").FullName;
    private readonly List<FleetNode> _nodes = [];
    private string? _temporaryBefore;

    /// <summary>How many rounds; the whole of them is <c>EXO_LOSS_ROUNDS=60</c>.</summary>
    public static int Rounds { get; } = Setting("EXO_LOSS_ROUNDS", LossRound.Phases);

    public static int Seed { get; } = Setting("EXO_LOSS_SEED", 1);

    public string Model => Path.Combine(_folder, "model");

    /// <summary>Where processes of the tests put temporary files.</summary>
    public string Temporary => Path.Combine(_folder, "tmp");

    internal IReadOnlyList<FleetNode> Nodes => _nodes;

    private string KeyFile => Path.Combine(_folder, "key");

    public async Task InitializeAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Directory.CreateDirectory(Temporary);
        _temporaryBefore = Environment.GetEnvironmentVariable("TMPDIR");
        Environment.SetEnvironmentVariable("TMPDIR", Temporary);
        await File.WriteAllTextAsync(KeyFile, Key);
        RandomModel.Write(Model, RandomModelOptions.ShapeT with { Quantization = null, Type = Sdk.Models.ElementType.Float32 });
        for (int i = 0; i < 3; i++)
        {
            _nodes.Add(await FleetNode.StartAsync(Model, KeyFile));
        }
    }

    public Task DisposeAsync()
    {
        Environment.SetEnvironmentVariable("TMPDIR", _temporaryBefore);
        foreach (FleetNode node in _nodes)
        {
            node.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>Puts a node in the place of one that was killed.</summary>
    internal async Task ReplaceAsync(FleetNode node)
    {
        node.Dispose();
        _nodes[_nodes.IndexOf(node)] = await FleetNode.StartAsync(Model, KeyFile);
    }

    /// <summary>This process as host, over children and the first of the nodes.</summary>
    internal ClusterBuilder Host(int children, int nodes)
    {
        ClusterBuilder builder = new ClusterBuilder()
            .UseModel(Model)
            .UseClusterKey(Key)
            .UseLocalRanks(children + 1, children > 0 ? RankHosting.ChildProcess : RankHosting.InProcess)
            .UseThreadsPerRank(1);
        foreach (FleetNode node in _nodes.Take(nodes))
        {
            builder.AddNode(node.Endpoint);
        }

        return builder;
    }

    /// <summary>Lets the next host be served, by all nodes.</summary>
    internal async Task<TimeSpan> ServeAsync(int children, int nodes)
    {
        long began = Stopwatch.GetTimestamp();
        Cluster cluster = await Host(children, nodes).BuildAsync();
        await using (cluster)
        {
            (await cluster.GenerateTextAsync(Prompt.Raw("a"), Endless with { MaxTokens = 2 })).Should().NotBeNull();
        }

        return Stopwatch.GetElapsedTime(began);
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
