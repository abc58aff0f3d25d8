using System.Diagnostics;
using Exo.Sdk.Rdma.Tests.Support;

namespace Exo.Sdk.Rdma.Tests.Driver;

/// <summary>Peers that are killed and devices that are taken away under a running collective.</summary>
[Collection(DriverCollection.Name)]
public sealed class LossTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    [CableTheory]
    [InlineData(RdmaConnection.Reliable)]
    [InlineData(RdmaConnection.Unreliable)]
    public async Task A_peer_killed_in_mid_transfer_is_lost_on_its_survivor(RdmaConnection connection)
    {
        using Process peer = Process.Start(new ProcessStartInfo(
            "dotnet", [typeof(Program).Assembly.Location, "peer", connection.ToString(), "rxe0b", "1", "2", "1000000"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            RdmaTransport transport = new(CableTests.Pair(connection)[0]);
            await using ITransportEndpoint endpoint = await transport.OpenAsync(new TransportOptions());
            string theirs = (await peer.StandardOutput.ReadLineAsync())!;
            await peer.StandardInput.WriteLineAsync($"{endpoint.Address}\n{theirs}");
            await peer.StandardInput.FlushAsync();
            using ICollective group = await endpoint.ConnectAsync(new GroupDescription
            {
                Epoch = 5,
                Rank = 0,
                Addresses = [endpoint.Address, theirs],
                Secret = new byte[] { 9 },
                Deadline = Deadline,
                ConnectTimeout = TimeSpan.FromSeconds(60),
            });
            int sums = 0;
            Task<Exception?> survivor = Task.Run(() =>
            {
                try
                {
                    float[] vector = new float[1_000_000];
                    while (true)
                    {
                        group.AllReduceSum(vector);
                        Interlocked.Increment(ref sums);
                    }
                }
                catch (Exception failure)
                {
                    return (Exception?)failure;
                }
            });
            SpinWait.SpinUntil(() => Volatile.Read(ref sums) > 0, RankGroup.Patience).Should().BeTrue();
            await Task.Delay(20);
            peer.Kill();
            Exception? end = await survivor.WaitAsync(Deadline);
            end.Should().BeOfType<PeerLostException>().Which.LostRank.Should().Be(1);
        }
        finally
        {
            peer.Kill();
            await peer.WaitForExitAsync();
        }
    }

    [CableTheory(cables: 5)]
    [InlineData(RdmaConnection.Reliable, 3, "ip link set cable3b down")]
    [InlineData(RdmaConnection.Unreliable, 4, "ip link del cable4b")]
    public void A_device_taken_away_ends_the_epoch(RdmaConnection connection, int cable, string removal)
    {
        using RankGroup group = RankGroup.Connect(CableTests.Pair(connection, cable), Deadline);
        CollectiveChecks.AllReduce(group, 4096);
        Task remover = Task.Run(async () =>
        {
            await Task.Delay(100);
            Shell.Run(removal);
        });
        Exception?[] failures = group.Catch(collective =>
        {
            float[] vector = new float[100_000];
            while (true)
            {
                collective.AllReduceSum(vector);
            }
        });
        failures.Should().AllBeOfType<PeerLostException>();
        remover.Wait(RankGroup.Patience).Should().BeTrue();
    }
}
