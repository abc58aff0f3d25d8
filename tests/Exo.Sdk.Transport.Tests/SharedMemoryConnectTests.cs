using System.Runtime.InteropServices;
using Exo.Sdk.Transport.Links;
using Exo.Sdk.Transport.SharedMemory;

namespace Exo.Sdk.Transport.Tests;

/// <summary>Runs alone: it looks at the files of all groups of this machine.</summary>
[Collection(nameof(LeakTests))]
public sealed class SharedMemoryConnectTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly string Nowhere = Path.Combine(Path.GetTempPath(), "exo-no-such-folder");

    [Fact]
    public void A_probe_says_where_the_memory_is_or_why_there_is_none()
    {
        string[] before = Files();
        new SharedMemoryTransport().Probe().Should().Match<Availability>(
            probe => probe.IsAvailable && probe.Reason.Contains(SharedMemoryFile.DefaultFolder));
        Availability absent = new SharedMemoryTransport { Folder = Nowhere }.Probe();
        absent.IsAvailable.Should().BeFalse();
        absent.Reason.Should().Contain(Nowhere).And.Contain("use TCP");
        Files().Except(before).Should().BeEmpty();
    }

    [Fact]
    public void A_file_is_the_users_own_and_opens_only_for_those_who_know_it()
    {
        string folder = SharedMemoryFile.DefaultFolder;
        using SharedMemoryFile file = SharedMemoryFile.Create(folder, 3);
        try
        {
            if (!OperatingSystem.IsWindows())
            {
                string path = Path.Combine(folder, $"exo-{Convert.ToHexStringLower(file.Key.Name)}");
                File.GetUnixFileMode(path).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            SharedMemoryFile.Open(folder, file.Key, 3).Dispose();
            FluentActions.Invoking(() => SharedMemoryFile.Open(folder, file.Key, 4)).Should().Throw<UnavailableException>().WithMessage("*bytes where a group of 4*");
            FluentActions.Invoking(() => SharedMemoryFile.Open(folder, file.Key with { Token = new byte[32] }, 3))
                .Should().Throw<UnavailableException>().WithMessage("*not this group's*");
            FluentActions.Invoking(() => SharedMemoryFile.Open(folder, file.Key with { Name = new byte[16] }, 3)).Should().Throw<UnavailableException>();
        }
        finally
        {
            file.Unlink();
        }
    }

    [Fact]
    public async Task Another_secret_is_refused_before_any_memory_is_shared()
    {
        string[] before = Files();
        (Exception? first, Exception? second) = await ConnectAsync(change: group => group with { Secret = new byte[] { 9 } });
        first.Should().BeOfType<PeerLostException>().Which.Reason.Should().Contain("secret");
        second.Should().BeOfType<ProtocolException>().Which.Message.Should().Contain("secret");
        Files().Except(before).Should().BeEmpty();
    }

    [Fact]
    public async Task Another_epoch_is_refused_and_named()
    {
        (_, Exception? second) = await ConnectAsync(change: group => group with { Epoch = 4 });
        second.Should().BeOfType<ProtocolException>().Which.Message.Should().Contain("expected epoch 4, found 5");
    }

    [Fact]
    public async Task A_rank_that_cannot_map_the_file_says_why_to_both_sides()
    {
        string[] before = Files();
        (Exception? first, Exception? second) = await ConnectAsync(other: new SharedMemoryTransport { Folder = Nowhere });
        first.Should().BeOfType<UnavailableException>().Which.Message.Should().Contain("Rank 1").And.Contain(Nowhere);
        second.Should().BeOfType<UnavailableException>().Which.Message.Should().Contain(Nowhere);
        Files().Except(before).Should().BeEmpty();
    }

    [Fact]
    public async Task A_rank_that_cannot_make_the_file_says_why()
    {
        (Exception? first, Exception? second) = await ConnectAsync(own: new SharedMemoryTransport { Folder = Nowhere });
        first.Should().BeOfType<UnavailableException>().Which.Message.Should().Contain(Nowhere);
        second.Should().BeOfType<PeerLostException>().Which.LostRank.Should().Be(0);
    }

    /// <summary>It is killed between the file's birth and the removal of its name, which is the others' business then.</summary>
    [Fact]
    public async Task A_file_whose_maker_is_lost_is_removed_by_those_who_opened_it()
    {
        string[] before = Files();
        await using ITransportEndpoint dying = new TcpTransport().OpenMeetingPoint(new TransportOptions(), "shared-memory:", static (met, group, _) =>
        {
            using SharedMemoryFile file = SharedMemoryFile.Create(SharedMemoryFile.DefaultFolder, group.Size);
            met.TrySend(1, [.. file.Key.Name, .. file.Key.Token], []);
            byte[] reply = new byte[256];
            for (int have = 0; have < reply.Length;)
            {
                met.Wait(1u << 1, 0, 20);
                have += Math.Max(0, met.TryReceive(1, reply.AsSpan(have), []));
            }

            Files().Should().Contain(path => path.EndsWith(Convert.ToHexStringLower(file.Key.Name)));
            throw new InvalidOperationException("killed");
        });
        await using ITransportEndpoint other = await new SharedMemoryTransport().OpenAsync(new TransportOptions());
        string[] addresses = [dying.Address, other.Address];
        Task<Exception?> first = Record.ExceptionAsync(async () => (await dying.ConnectAsync(Group(0, addresses))).Dispose());
        Task<Exception?> second = Record.ExceptionAsync(async () => (await other.ConnectAsync(Group(1, addresses))).Dispose());
        (await first.WaitAsync(Patience)).Should().BeOfType<InvalidOperationException>();
        (await second.WaitAsync(Patience)).Should().BeOfType<PeerLostException>().Which.LostRank.Should().Be(0);
        Files().Except(before).Should().BeEmpty();
    }

    [Fact]
    public void What_a_killed_process_left_long_ago_is_removed()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // There the files go with their process.
        }

        string folder = Directory.CreateTempSubdirectory("exo-stale-").FullName;
        try
        {
            string Make(string name, double days)
            {
                string path = Path.Combine(folder, name);
                File.WriteAllBytes(path, [1]);
                File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddDays(-days));
                return path;
            }

            string stale = Make("exo-00112233445566778899aabbccddeeff", 3);
            string[] kept =
            [
                Make("exo-10112233445566778899aabbccddeeff", 1), Make("exo-something", 3), Make("exo-00112233445566778899aabbccddeeffff", 3),
                Make("00112233445566778899aabbccddeeff", 3), Make("exo-GG112233445566778899aabbccddeeff", 3),
            ];
            using SharedMemoryFile file = SharedMemoryFile.Create(folder, 2);
            File.Exists(stale).Should().BeFalse();
            kept.Should().OnlyContain(path => File.Exists(path));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Addresses_of_another_transport_are_refused()
    {
        await using ITransportEndpoint endpoint = await new SharedMemoryTransport().OpenAsync(new TransportOptions());
        Func<Task> connect = () => endpoint.ConnectAsync(Group(0, [endpoint.Address, "127.0.0.1:9"])).AsTask();
        await connect.Should().ThrowAsync<ConfigurationException>().WithMessage("*127.0.0.1:9*");
    }

    [Theory]
    [InlineData(RingMemory.WrittenAt, -5L)]
    [InlineData(RingMemory.WrittenAt, long.MaxValue)]
    [InlineData(RingMemory.TakenAt, 1L << 40)]
    [InlineData(RingMemory.TakenAt, long.MinValue)]
    public async Task Hostile_counters_end_the_group_with_a_typed_error(int at, long counter)
    {
        (ICollective[] ranks, SharedMemoryFile intruder) = await ConnectWithIntruderAsync();
        using ICollective first = ranks[0];
        using ICollective second = ranks[1];
        using (intruder)
        {
            Damage(intruder, at == RingMemory.WrittenAt ? (1, 0) : (0, 1), at, counter);
            first.Invoking(rank => rank.AllReduceSum(new float[100])).Should().Throw<ProtocolException>().WithMessage("*Rank 1 broke the shared memory*");
            first.Invoking(rank => rank.Barrier()).Should().Throw<PeerLostException>().Which.LostRank.Should().Be(1);
            second.Invoking(rank => rank.Barrier()).Should().Throw<PeerLostException>("the others are told");
        }
    }

    [Fact]
    public async Task A_hostile_header_is_a_typed_error()
    {
        (ICollective[] ranks, SharedMemoryFile intruder) = await ConnectWithIntruderAsync();
        using ICollective first = ranks[0];
        using ICollective second = ranks[1];
        using (intruder)
        {
            Fill(intruder, (1, 0), 0xFF, 5000);
            Damage(intruder, (1, 0), RingMemory.WrittenAt, 5000);
            first.Invoking(rank => rank.AllReduceSum(new float[100])).Should().Throw<ProtocolException>().WithMessage("*expected Reduce of 400 bytes*");
        }
    }

    private static unsafe void Damage(SharedMemoryFile file, (int From, int To) ring, int at, long counter) =>
        *(long*)(file.Ring(ring.From, ring.To) + at) = counter;

    private static unsafe void Fill(SharedMemoryFile file, (int From, int To) ring, byte value, int count) =>
        NativeMemory.Fill(file.Ring(ring.From, ring.To) + RingMemory.BytesAt, (nuint)count, value);

    /// <summary>Two ranks, and a third mapping of their memory.</summary>
    private static async Task<(ICollective[] Ranks, SharedMemoryFile Intruder)> ConnectWithIntruderAsync()
    {
        string folder = SharedMemoryFile.DefaultFolder;
        SharedMemoryFile file = SharedMemoryFile.Create(folder, 2);
        SharedMemoryFile other = SharedMemoryFile.Open(folder, file.Key, 2);
        SharedMemoryFile intruder = SharedMemoryFile.Open(folder, file.Key, 2);
        file.Unlink();
        SharedMemoryFile[] files = [file, other];
        ITransportEndpoint[] endpoints = [.. files.Select(mine => new TcpTransport().OpenMeetingPoint(
            new TransportOptions(), "test:", (met, group, _) => new SharedMemoryLinkGroup(group, met, mine)))];
        string[] addresses = [.. endpoints.Select(endpoint => endpoint.Address)];
        ICollective[] ranks = await Task.WhenAll(endpoints.Select((endpoint, rank) => endpoint.ConnectAsync(Group(rank, addresses)).AsTask())).WaitAsync(Patience);
        foreach (ITransportEndpoint endpoint in endpoints)
        {
            await endpoint.DisposeAsync();
        }

        return (ranks, intruder);
    }

    private static async Task<(Exception? First, Exception? Second)> ConnectAsync(
        SharedMemoryTransport? own = null, SharedMemoryTransport? other = null, Func<GroupDescription, GroupDescription>? change = null)
    {
        await using ITransportEndpoint lower = await (own ?? new SharedMemoryTransport()).OpenAsync(new TransportOptions());
        await using ITransportEndpoint higher = await (other ?? new SharedMemoryTransport()).OpenAsync(new TransportOptions());
        string[] addresses = [lower.Address, higher.Address];
        GroupDescription changed = Group(1, addresses);
        Task<Exception?> first = Record.ExceptionAsync(async () => (await lower.ConnectAsync(Group(0, addresses))).Dispose());
        Task<Exception?> second = Record.ExceptionAsync(async () => (await higher.ConnectAsync(change?.Invoke(changed) ?? changed)).Dispose());
        return (await first.WaitAsync(Patience), await second.WaitAsync(Patience));
    }

    private static GroupDescription Group(int rank, string[] addresses) =>
        new() { Epoch = 5, Rank = rank, Addresses = addresses, Secret = new byte[] { 1 }, ConnectTimeout = TimeSpan.FromSeconds(2) };

    private static string[] Files() => Directory.GetFiles(SharedMemoryFile.DefaultFolder, "exo-*");
}
