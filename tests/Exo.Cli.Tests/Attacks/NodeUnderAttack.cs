using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Exo.Sdk;

namespace Exo.Cli.Tests.Attacks;

/// <summary>What a process takes.</summary>
internal readonly record struct Footprint(long Bytes, int Threads, int Handles)
{
    public override string ToString() => $"{Bytes >> 20} MiB, {Threads} threads, {Handles} handles";
}

/// <summary>
/// <c>exo node</c> with a key, in a process of its own so that what it takes can be told from what the attack takes, and the honest host that it
/// has to go on serving.
/// </summary>
internal sealed class NodeUnderAttack : IDisposable
{
    private const string Key = "0123456789 this is the cluster's key";
    private static readonly GenerationOptions Short = new() { Temperature = 0, MaxTokens = 8, IgnoreEndTokens = true };

    private readonly string _folder = Directory.CreateTempSubdirectory("exo-attack-").FullName;
    private readonly ExoProcess _process;
    private int _lines;

    private NodeUnderAttack(TaskCompletionSource<string> listening)
    {
        string file = Path.Combine(_folder, "key");
        File.WriteAllText(file, Key);
        _process = ExoProcess.Start(["node", "--listen", "127.0.0.1:0", "--cluster-key-file", file], onErrorLine: line =>
        {
            Interlocked.Increment(ref _lines);
            if (Regex.Match(line, @"listens on (\S+:\d+)") is { Success: true } match)
            {
                listening.TrySetResult(match.Groups[1].Value);
            }
        });
    }

    public IPEndPoint Endpoint { get; private set; } = new(IPAddress.None, 0);

    /// <summary>What the key is in handshakes.</summary>
    public static byte[] Secret { get; } = Sdk.Transport.Sealing.ClusterKey.Stretch(Key);

    /// <summary>Lines of log so far.</summary>
    public int Lines => Volatile.Read(ref _lines);

    /// <summary>Starts the node, and serves one host so that everything that is made once has been made.</summary>
    public static async Task<NodeUnderAttack> StartAsync()
    {
        TaskCompletionSource<string> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
        NodeUnderAttack node = new(listening);
        node.Endpoint = IPEndPoint.Parse(await listening.Task.WaitAsync(ExoProcess.Limit));
        await node.ServesAsync();
        return node;
    }

    /// <summary>Lets an honest host join the node and generate.</summary>
    public async Task ServesAsync()
    {
        await using Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseClusterKey(Key)
            .AddNode(Endpoint.ToString())
            .UseHeartbeats(new HeartbeatOptions { Timeout = TimeSpan.FromSeconds(5) }) // The attackers take this process's own threads from the host.
            .UseThreadsPerRank(1)
            .BuildAsync();
        (await cluster.GenerateTextAsync("Hello!", Short)).Should().NotBeEmpty();
    }

    /// <summary>What the node takes now.</summary>
    public Footprint Measure()
    {
        string[] status = File.ReadAllLines($"/proc/{_process.Id}/status");
        long Field(string name) => long.Parse(
            status.First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(' ', '\t', ':').First(part => part.All(char.IsDigit) && part.Length > 0),
            CultureInfo.InvariantCulture);
        return new Footprint(Field("VmRSS:") << 10, (int)Field("Threads:"), Directory.GetFiles($"/proc/{_process.Id}/fd").Length);
    }

    /// <summary>Waits until the node takes no more than before, but for what a runtime keeps for later.</summary>
    public async Task<Footprint> SettleAsync(Footprint before)
    {
        Footprint now = Measure();
        for (int i = 0; i < 100 && !IsFlat(now, before); i++)
        {
            await Task.Delay(100);
            now = Measure();
        }

        IsFlat(now, before).Should().BeTrue($"it took {before} and takes {now}");
        return now;
    }

    public void Dispose()
    {
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static bool IsFlat(Footprint now, Footprint before) =>
        now.Bytes < before.Bytes + (80L << 20) && now.Threads <= before.Threads + 16 && now.Handles <= before.Handles + 10;
}
