using System.Diagnostics;
using Exo.Sdk.Testing;
using Exo.Sdk.Tests;
using Exo.Sdk.Transport.SharedMemory;
using Xunit.Abstractions;

namespace Exo.Sdk.Transport.Tests.Collectives;

/// <summary>What a rank sees of a peer in another process that is killed or stopped, without any control plane.</summary>
[Collection(ProcessCollection.Name)]
public sealed class PeerProcessTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("shared-memory")]
    [InlineData("shared-memory-managed")]
    [InlineData("tcp")]
    public async Task A_killed_process_is_lost_long_before_the_deadline_and_leaves_no_file(string transport)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // The signals are POSIX.
        }

        string[] filesBefore = Files();
        (PeerLostException failure, TimeSpan delay) = await LoseAsync(transport, Signals.Kill, deadline: Patience);
        output.WriteLine($"{transport}: noticed after {delay.TotalMilliseconds:F1} ms: {failure.Message}");
        failure.LostRank.Should().Be(1);
        delay.Should().BeLessThan(Patience / 2, "the system tells of the death, not the deadline of 30 s");
        Files().Except(filesBefore).Should().BeEmpty();
    }

    [Theory]
    [InlineData("shared-memory")]
    [InlineData("tcp")]
    public async Task A_stopped_process_is_lost_when_the_deadline_has_passed(string transport)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        (PeerLostException failure, TimeSpan delay) = await LoseAsync(transport, Signals.Stop, deadline: TimeSpan.FromMilliseconds(400));
        output.WriteLine($"{transport}: given up after {delay.TotalMilliseconds:F1} ms: {failure.Message}");
        failure.LostRank.Should().Be(1);
        failure.Reason.Should().Contain("silent for");
    }

    [Fact]
    public async Task A_group_has_no_file_once_it_is_connected()
    {
        string[] filesBefore = Files();
        using TestGroup group = await TestGroup.ConnectAsync(RankGroup.Transport("shared-memory"), 3);
        Files().Except(filesBefore).Should().BeEmpty();
    }

    private static async Task<(PeerLostException Failure, TimeSpan Delay)> LoseAsync(string transport, int signal, TimeSpan deadline)
    {
        await using ITransportEndpoint endpoint = await RankGroup.Transport(transport).OpenAsync(new TransportOptions());
        using Process peer = RankProgram.Start(transport, rank: 1);
        try
        {
            string address = (await peer.StandardOutput.ReadLineAsync().WaitAsync(Patience))!;
            string[] addresses = [endpoint.Address, address];
            await peer.StandardInput.WriteLineAsync(string.Join(' ', addresses));
            using ICollective group = await endpoint.ConnectAsync(RankProgram.Describe(0, addresses, deadline)).AsTask().WaitAsync(Patience);
            Task<Exception> summing = Task.Factory.StartNew(
                () => RankProgram.SumUntilItFails(group), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            (await peer.StandardOutput.ReadLineAsync().WaitAsync(Patience)).Should().Be("summed");

            long at = Stopwatch.GetTimestamp();
            Signals.Send(peer.Id, signal);
            Exception failure = await summing.WaitAsync(Patience);
            return (failure.Should().BeOfType<PeerLostException>().Which, Stopwatch.GetElapsedTime(at));
        }
        finally
        {
            peer.Kill();
            await peer.WaitForExitAsync();
        }
    }

    private static string[] Files() => Directory.GetFiles(SharedMemoryFile.DefaultFolder, "exo-*");
}
