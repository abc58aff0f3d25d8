using Exo.Sdk.Transport.Tests.Collectives;

namespace Exo.Sdk.Transport.Tests;

/// <summary>What groups leave behind. Runs alone, because it counts the process's own descriptors.</summary>
[Collection(nameof(LeakTests))]
[CollectionDefinition(nameof(LeakTests), DisableParallelization = true)]
public sealed class LeakTests
{
    [Theory]
    [InlineData("tcp")]
    [InlineData("tcp-managed")]
    [InlineData("shared-memory")]
    [InlineData("in-process")]
    public async Task No_socket_and_no_thread_outlives_its_group(string transport)
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // The counts come from /proc.
        }

        await LiveAndDie(transport); // Loads what the first group loads for good.
        int sockets = Sockets();
        for (int i = 0; i < 10; i++)
        {
            await LiveAndDie(transport);
        }

        Sockets().Should().Be(sockets);
        SpinWait.SpinUntil(() => ConnectThreads() == 0, TimeSpan.FromSeconds(5)).Should().BeTrue("a thread that connects ends with its work");
    }

    /// <summary>A group that ends in good order, one that is aborted, one whose connect fails.</summary>
    private static async Task LiveAndDie(string transport)
    {
        using (RankGroup orderly = RankGroup.Connect(transport, 3))
        {
            orderly.Run(collective => collective.Barrier());
        }

        RankGroup aborted = RankGroup.Connect(transport, 3);
        aborted.Ranks[0].Abort(1, "gone");
        aborted.Catch(collective => collective.Barrier()).Should().OnlyContain(failure => failure is PeerLostException);

        await using ITransportEndpoint alone = await RankGroup.Transport(transport).OpenAsync(new TransportOptions());
        GroupDescription group = new()
        {
            Epoch = 1,
            Rank = 0,
            Addresses = [alone.Address, alone.Address[..(alone.Address.LastIndexOf(':') + 1)] + "9"],
            ConnectTimeout = TimeSpan.FromMilliseconds(50),
        };
        (await Record.ExceptionAsync(() => alone.ConnectAsync(group).AsTask())).Should().BeOfType<PeerLostException>();
    }

    private static int Sockets() => Directory.GetFiles("/proc/self/fd").Count(descriptor =>
    {
        try
        {
            return File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name.StartsWith("socket:", StringComparison.Ordinal) == true;
        }
        catch (IOException)
        {
            return false; // The descriptor that the listing itself used.
        }
    });

    private static int ConnectThreads() => Directory.GetDirectories("/proc/self/task").Count(task =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).StartsWith("exo tcp", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // It ended meanwhile.
        }
    });
}
