using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Xunit.Abstractions;

namespace Exo.Cli.Tests.Attacks;

/// <summary>Peers that do not hold the key, by hundreds, while an honest host is served.</summary>
public sealed class StrangerTests(ITestOutputHelper output)
{
    private const int Crowd = 500;

    [LinuxFact]
    public Task Hundreds_that_say_nothing_do_not_keep_a_host_out() => AttackAsync(Crowding(static async (stream, gone) =>
        await stream.ReadExactlyAsync(new byte[1024], gone)));

    [LinuxFact]
    public Task Hundreds_that_speak_a_byte_at_a_time_do_not_keep_a_host_out() => AttackAsync(Crowding(static async (stream, gone) =>
    {
        byte[] hello = Hello();
        for (int i = 0; i < hello.Length; i++)
        {
            await stream.WriteAsync(hello.AsMemory(i, 1), gone);
            await Task.Delay(150, gone);
        }
    }));

    [LinuxFact]
    public Task Hundreds_with_a_wrong_proof_do_not_keep_a_host_out() => AttackAsync(Crowding(static async (stream, gone) =>
    {
        await stream.WriteAsync(Hello(), gone);
        await stream.WriteAsync(RandomNumberGenerator.GetBytes(32), gone);
        await stream.ReadExactlyAsync(new byte[1024], gone);
    }));

    [LinuxFact]
    public Task Garbage_does_not_keep_a_host_out() => AttackAsync(Crowding(static async (stream, gone) =>
        await stream.WriteAsync(RandomNumberGenerator.GetBytes(8192), gone)));

    [LinuxFact]
    public Task A_flood_of_connections_does_not_keep_a_host_out() => AttackAsync(static async (endpoint, end) =>
    {
        while (!end.IsCancellationRequested)
        {
            using Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(true, 0) };
            try
            {
                await socket.ConnectAsync(endpoint, end);
            }
            catch (SocketException)
            {
                // The node's queue is full at times.
            }
        }
    });

    private async Task AttackAsync(Func<IPEndPoint, CancellationToken, Task> attack)
    {
        using NodeUnderAttack node = await NodeUnderAttack.StartAsync();
        Footprint before = node.Measure();
        int lines = node.Lines;
        using CancellationTokenSource end = new();
        Task attacking = Task.Run(() => attack(node.Endpoint, end.Token));
        await Task.Delay(TimeSpan.FromSeconds(1));
        long began = Stopwatch.GetTimestamp();
        for (int round = 0; round < 3; round++)
        {
            await node.ServesAsync();
        }

        TimeSpan served = Stopwatch.GetElapsedTime(began);
        Footprint during = node.Measure();
        attacking.IsCompleted.Should().BeFalse("the attack goes on");
        await end.CancelAsync();
        await attacking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Footprint after = await node.SettleAsync(before);
        output.WriteLine($"before: {before}; during: {during}; after: {after}; served 3 hosts in {served.TotalMilliseconds:F0} ms; {node.Lines - lines} lines of log");
        during.Handles.Should().BeLessThan(before.Handles + 200, "unproven connections have bounded places");
        (node.Lines - lines).Should().BeLessThan(20, "two lines for each host, and one for each ten seconds of attack");
    }

    private static Func<IPEndPoint, CancellationToken, Task> Crowding(Func<NetworkStream, CancellationToken, Task> behave) =>
        (endpoint, end) => CrowdAsync(endpoint, behave, end);

    /// <summary>Keeps a crowd of connections: whoever is dropped comes again.</summary>
    private static Task CrowdAsync(IPEndPoint endpoint, Func<NetworkStream, CancellationToken, Task> behave, CancellationToken end) =>
        Task.WhenAll(Enumerable.Range(0, Crowd).Select(async _ =>
        {
            while (!end.IsCancellationRequested)
            {
                using Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(true, 0) };
                try
                {
                    await socket.ConnectAsync(endpoint, end);
                    NetworkStream stream = new(socket);
                    await using (stream)
                    {
                        await behave(stream, end);
                    }
                }
                catch (Exception error) when (error is IOException or SocketException)
                {
                    // Dropped.
                }

                await Task.Delay(50, end);
            }
        }));

    /// <summary>A sound hello of a dialer of the control plane.</summary>
    private static byte[] Hello()
    {
        byte[] hello = RandomNumberGenerator.GetBytes(64);
        hello.AsSpan(0, 32).Clear();
        "EXO\0"u8.CopyTo(hello);
        hello[4] = 1;
        return hello;
    }
}
