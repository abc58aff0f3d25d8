using System.Net;
using Exo.Sdk.Transport;

namespace Exo.Sdk.Tests.Cluster;

public sealed class TransportChoiceTests
{
    private static readonly ClusterOptions Processes = new() { LocalRanks = 2, LocalHosting = RankHosting.ChildProcess };

    [Fact]
    public void Threads_share_their_process() => Expect(new ClusterOptions { LocalRanks = 3 }, "in-process", "*threads of this process*");

    [Fact]
    public void Processes_of_one_machine_share_memory() => Expect(Processes, "shared-memory", "*processes of this machine*");

    [Fact]
    public void A_node_elsewhere_calls_for_tcp() =>
        Expect(Processes with { RemoteNodes = [new DnsEndPoint("192.0.2.1", 7070)] }, "tcp", "*started elsewhere*");

    [Fact]
    public void What_was_asked_for_is_used() => Expect(Processes with { Transport = new TcpTransport() }, "tcp", "*UseTransport*");

    [Fact]
    public void Without_shared_memory_it_is_tcp_and_says_why()
    {
        SharedMemoryTransport absent = new() { Folder = Path.Combine(Path.GetTempPath(), "exo-no-such-folder") };
        TransportChoice choice = TransportChoice.Make(Processes, absent);
        choice.Transport.Should().BeOfType<TcpTransport>();
        choice.Reason.Should().Contain("exo-no-such-folder");
    }

    private static void Expect(ClusterOptions options, string name, string reason)
    {
        TransportChoice choice = TransportChoice.Make(options);
        choice.Transport.Name.Should().Be(name);
        choice.Reason.Should().Match(reason);
    }
}
