using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Exo.Sdk.Tests.Cluster.Hosts;

/// <summary>The port on which a host waits for its child is open to every program of the machine.</summary>
[Collection(ProcessCollection.Name)]
public sealed class StrangerAtTheDoorTests
{
    private static readonly GenerationOptions Short = new() { Temperature = 0, MaxTokens = 4, IgnoreEndTokens = true };

    [Theory]
    [InlineData("silent")]
    [InlineData("garbage")]
    [InlineData("leaving")]
    public async Task Whoever_comes_before_the_child_does_not_keep_it_out(string stranger)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using CancellationTokenSource end = new();
        Task<int> knocking = Task.Run(() => KnockAsync(stranger, end.Token));
        Sdk.Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseLocalRanks(3, RankHosting.ChildProcess)
            .UseThreadsPerRank(1)
            .UseConnectTimeout(TimeSpan.FromSeconds(10))
            .BuildAsync();
        await using (cluster)
        {
            await end.CancelAsync();
            (await knocking).Should().BePositive("the stranger found the door");
            (await cluster.GenerateTextAsync("Hello!", Short)).Should().NotBeEmpty();
        }
    }

    /// <summary>Connects to every port that this process listens on, as soon as it does and again and again.</summary>
    /// <returns>How many connections there were.</returns>
    private static async Task<int> KnockAsync(string stranger, CancellationToken end)
    {
        HashSet<int> before = Doors();
        List<Socket> sockets = [];
        while (!end.IsCancellationRequested)
        {
            foreach (int port in Doors().Except(before))
            {
                Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    await socket.ConnectAsync(IPAddress.Loopback, port, CancellationToken.None);
                    if (stranger == "garbage")
                    {
                        await socket.SendAsync(new byte[4096]);
                    }
                    else if (stranger == "leaving")
                    {
                        socket.Close();
                    }

                    sockets.Add(socket);
                }
                catch (SocketException)
                {
                    socket.Dispose(); // The door is shut again.
                }
            }

            await Task.Delay(1, CancellationToken.None);
        }

        sockets.ForEach(static socket => socket.Dispose());
        return sockets.Count;
    }

    /// <summary>The IPv4 ports that this process listens on.</summary>
    private static HashSet<int> Doors()
    {
        HashSet<string> mine = [];
        foreach (string descriptor in Directory.GetFiles("/proc/self/fd"))
        {
            if (Regex.Match(new FileInfo(descriptor).LinkTarget ?? "", @"^socket:\[(\d+)\]$") is { Success: true } match)
            {
                mine.Add(match.Groups[1].Value);
            }
        }

        const string listening = "0A";
        return [.. File.ReadLines("/proc/self/net/tcp")
            .Skip(1)
            .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields[3] == listening && mine.Contains(fields[9]))
            .Select(static fields => int.Parse(fields[1].Split(':')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
    }
}
