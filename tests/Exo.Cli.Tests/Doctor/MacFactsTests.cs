using Exo.Cli.Doctor;

namespace Exo.Cli.Tests.Doctor;

/// <summary>Reading what a Mac's commands print. The texts are composed in the form that users have published.</summary>
public sealed class MacFactsTests
{
    private const string Services = """
        An asterisk (*) denotes that a network service is disabled.
        (1) Ethernet
        (Hardware Port: Ethernet, Device: en0)

        (*) Thunderbolt Bridge
        (Hardware Port: Thunderbolt Bridge, Device: bridge0)

        (3) Wi-Fi
        (Hardware Port: Wi-Fi, Device: en1)
        """;

    [Fact]
    public void The_bridge_is_found_whatever_its_name_and_state()
    {
        MacFacts.ParseBridge(Services).Should().Be(("Thunderbolt Bridge", false));
        MacFacts.ParseBridge(Services.Replace("(*) Thunderbolt Bridge", "(2) My (own) bridge", StringComparison.Ordinal)).Should().Be(("My (own) bridge", true));
        MacFacts.ParseBridge("").Should().Be((null, false));
        MacFacts.ParseBridge("(Hardware Port: Thunderbolt Bridge, Device: bridge0)").Should().Be((null, false));
    }

    [Fact]
    public void Devices_have_the_state_of_their_first_port()
    {
        MacFacts.ParseDevices("""
            hca_id:	rdma_en5
            	transport:			Thunderbolt (0)
            	phys_port_cnt:			1
            		port:	1
            			state:			PORT_ACTIVE (4)
            			max_mtu:		4096 (5)
            		port:	2
            			state:			PORT_DOWN (1)
            hca_id:	rdma_en4
            		port:	1
            			state:			PORT_DOWN (1)
            hca_id:	rdma_en3
            """).Should().Equal(new RdmaDeviceFacts("rdma_en5", "ACTIVE"), new RdmaDeviceFacts("rdma_en4", "DOWN"), new RdmaDeviceFacts("rdma_en3", null));
        MacFacts.ParseDevices("state: PORT_ACTIVE").Should().BeEmpty();
    }
}
