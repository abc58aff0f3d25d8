using System.Net;
using Exo.Sdk.Control;
using Exo.Sdk.Hosts;
using Exo.Sdk.Transport;

namespace Exo.Sdk.Tests.Cluster;

public sealed class TransportChoiceTests
{
    private static readonly ClusterOptions Processes = new() { LocalRanks = 2, LocalHosting = RankHosting.ChildProcess };
    private static readonly ClusterOptions Machines = new() { RemoteNodes = [new DnsEndPoint("192.0.2.1", 7070)] };
    private static readonly TransportOffer Tcp = new("tcp", null);
    private static readonly TransportOffer Carrier = new("carrier", null);

    [Fact]
    public void Threads_share_their_process() => Expect(new ClusterOptions { LocalRanks = 3 }, "in-process", "all ranks are threads of this process");

    [Fact]
    public void Processes_of_one_machine_share_memory() => Expect(Processes, "shared-memory", "all ranks are processes of this machine");

    [Fact]
    public void A_node_elsewhere_calls_for_tcp() => Expect(Machines, "tcp", "a node that was started elsewhere takes part");

    [Fact]
    public void What_was_asked_for_is_used() => Expect(Offering(Processes) with { Transport = new TcpTransport() }, "tcp", "*UseTransport*");

    [Fact]
    public void Without_shared_memory_it_is_tcp_and_says_why()
    {
        SharedMemoryTransport absent = new() { Folder = Path.Combine(Path.GetTempPath(), "exo-no-such-folder") };
        TransportChoice choice = TransportChoice.Make(Processes, [], [], absent);
        choice.Transport.Should().BeOfType<TcpTransport>();
        choice.Reason.Should().Contain("exo-no-such-folder");
    }

    [Fact]
    public void A_candidate_that_every_node_has_is_taken()
    {
        ClusterOptions options = Offering(Machines);
        TransportChoice choice = Choose(options, new NodeTransports("first", [Tcp, Carrier]), new NodeTransports("second", [Carrier]));
        choice.Transport.Should().BeSameAs(options.OfferedTransports[0]);
        choice.Reason.Should().Be("every rank has it");
    }

    [Fact]
    public void A_candidate_that_is_missing_here_is_passed_over_with_its_reason() => Expect(
        Offering(Processes, new CarrierTransport { Missing = "no pigeons." }),
        "shared-memory",
        "carrier was passed over (no pigeons); all ranks are processes of this machine",
        new NodeTransports("first", [Carrier]));

    [Fact]
    public void A_candidate_that_a_node_does_not_know_is_passed_over_with_the_node() => Expect(
        Offering(Machines),
        "tcp",
        "carrier was passed over (second does not offer it); a node that was started elsewhere takes part",
        new NodeTransports("first", [Carrier]),
        new NodeTransports("second", [Tcp]));

    [Fact]
    public void A_candidate_that_a_node_cannot_use_is_passed_over_with_its_reason() => Expect(
        Offering(Machines),
        "tcp",
        "carrier was passed over (first cannot use it: no pigeons); a node that was started elsewhere takes part",
        new NodeTransports("first", [Tcp, new TransportOffer("carrier", "no pigeons.")]));

    [Fact]
    public void The_first_candidate_that_all_have_is_taken_and_the_others_are_explained() => Expect(
        Offering(Machines, new CarrierTransport { Missing = "no pigeons" }, new CarrierTransport()),
        "carrier",
        "carrier was passed over (no pigeons); every rank has it",
        new NodeTransports("first", [Carrier]));

    [Fact]
    public void Threads_need_no_candidate() =>
        Expect(Offering(new ClusterOptions { LocalRanks = 2 }), "in-process", "all ranks are threads of this process");

    [Fact]
    public void Processes_of_one_machine_do_without_RDMA() => Expect(
        Offering(Processes, new RdmaCarrierTransport()),
        "shared-memory",
        "carrier was passed over (no two ranks are on different machines); all ranks are processes of this machine",
        new NodeTransports("child", [Carrier]));

    [Fact]
    public void Machines_that_all_have_RDMA_use_it() =>
        Expect(Offering(Machines, new RdmaCarrierTransport()), "carrier", "every rank has it", new NodeTransports("first", [Carrier]));

    [Fact]
    public void Every_pair_needs_a_network_in_common()
    {
        NodeTransports first = new("first", [Carrier with { Networks = ["10.0.1.0/30", "10.0.3.0/30"] }]);
        NodeTransports second = new("second", [Carrier with { Networks = ["10.0.2.0/24", "10.0.3.0/24"] }]);
        NodeTransports third = new("third", [Carrier with { Networks = ["10.0.2.0/24"] }]);
        ClusterOptions options = Offering(Machines, new NetworkedCarrierTransport("10.0.1.0/30", "10.0.2.0/24"));
        Expect(options, "carrier", "every rank has it", first, second);
        Expect(
            options,
            "tcp",
            "carrier was passed over (first (10.0.1.0/30, 10.0.3.0/30) and third (10.0.2.0/24) have no network of it in common); a node*",
            first,
            second,
            third);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10.0.1.0/99")]
    [InlineData("ten/dot")]
    [InlineData(null)]
    public void What_is_no_network_reaches_nobody(string? network) => Expect(
        Offering(Machines, new NetworkedCarrierTransport("10.0.1.0/24")),
        "tcp",
        "carrier was passed over (this process (10.0.1.0/24) and first (*) have no network of it in common); *",
        new NodeTransports("first", [Carrier with { Networks = [network] }]));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_hello_with_holes_offers_nothing(bool isMissing) => Expect(
        Offering(Machines), "tcp", "carrier was passed over (first does not offer it); *", new NodeTransports("first", isMissing ? null : [null]));

    private static ClusterOptions Offering(ClusterOptions options, params ITransport[] transports) =>
        options with { OfferedTransports = transports.Length > 0 ? transports : [new CarrierTransport()] };

    private static TransportChoice Choose(ClusterOptions options, params NodeTransports[] nodes) =>
        TransportChoice.Make(options, TransportCandidate.Of(options), nodes);

    private static void Expect(ClusterOptions options, string name, string reason, params NodeTransports[] nodes)
    {
        TransportChoice choice = Choose(options, nodes);
        choice.Transport.Name.Should().Be(name);
        choice.Reason.Should().Match(reason);
    }
}
