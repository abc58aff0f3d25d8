using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace Exo.Cli.Tests.Losses;

/// <summary><c>exo node</c> with a model and a key, and what its log says of its sessions.</summary>
internal sealed class FleetNode : IDisposable
{
    private readonly ExoProcess _process;
    private readonly StringBuilder _log = new();
    private int _begun;
    private int _ended;

    private FleetNode(string model, string keyFile, TaskCompletionSource<string> listening)
    {
        string[] arguments = ["node", "--listen", "127.0.0.1:0", "--model", model, "--cluster-key-file", keyFile];
        _process = ExoProcess.Start(arguments, onErrorLine: line =>
        {
            lock (_log)
            {
                _log.AppendLine(line);
                _begun += line.Contains("Node serves a host", StringComparison.Ordinal) ? 1 : 0;
                _ended += line.Contains("Node's session ended", StringComparison.Ordinal) ? 1 : 0;
            }

            if (Regex.Match(line, @"listens on (\S+:\d+)") is { Success: true } match)
            {
                listening.TrySetResult(match.Groups[1].Value);
            }
        });
    }

    public int Id => _process.Id;

    public string Endpoint { get; private set; } = "";

    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    public static async Task<FleetNode> StartAsync(string model, string keyFile)
    {
        TaskCompletionSource<string> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
        FleetNode node = new(model, keyFile, listening);
        node.Endpoint = await listening.Task.WaitAsync(ExoProcess.Limit);
        return node;
    }

    /// <summary>Waits until no host is served.</summary>
    public async Task FreeAsync(TimeSpan limit)
    {
        long began = Stopwatch.GetTimestamp();
        while (IsServing())
        {
            Stopwatch.GetElapsedTime(began).Should().BeLessThan(limit, $"the node should be free again; it said:\n{Log}");
            await Task.Delay(5);
        }
    }

    public void Dispose() => _process.Dispose();

    private bool IsServing()
    {
        lock (_log)
        {
            return _begun > _ended;
        }
    }
}
