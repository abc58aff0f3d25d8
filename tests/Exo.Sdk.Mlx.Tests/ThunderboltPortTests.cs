namespace Exo.Sdk.Mlx.Tests;

/// <summary>Reading what macOS prints of its Thunderbolt ports. The texts are composed in the form of published reports.</summary>
public sealed class ThunderboltPortTests
{
    private const string HardwarePorts = """

        Hardware Port: Ethernet
        Device: en0
        Ethernet Address: 00:00:00:00:00:01

        Hardware Port: Thunderbolt 1
        Device: en2
        Ethernet Address: 00:00:00:00:00:02

        Hardware Port: Thunderbolt 3
        Device: en4
        Ethernet Address: 00:00:00:00:00:03

        Hardware Port: Thunderbolt Bridge
        Device: bridge0
        """;

    private const string Profile = """
        {
          "SPThunderboltDataType": [
            {
              "_items": [
                { "_name": "Mac Studio", "device_name_key": "Mac16,9", "domain_uuid_key": "PEER-A", "vendor_name_key": "Apple Inc." }
              ],
              "_name": "thunderboltusb4_bus_2",
              "device_name_key": "Mac mini",
              "domain_uuid_key": "OWN-3",
              "receptacle_1_tag": {
                "current_speed_key": "80 Gb/s",
                "link_status_key": "0x2",
                "receptacle_id_key": "3",
                "receptacle_status_key": "receptacle_connected"
              }
            },
            {
              "_name": "thunderboltusb4_bus_0",
              "device_name_key": "Mac mini",
              "domain_uuid_key": "OWN-1",
              "receptacle_1_tag": {
                "current_speed_key": "Up to 120 Gb/s",
                "receptacle_id_key": "1",
                "receptacle_status_key": "receptacle_no_devices_connected"
              }
            },
            {
              "_items": [ { "_name": "Studio Display", "device_name_key": "Display" } ],
              "_name": "thunderboltusb4_bus_1",
              "domain_uuid_key": "OWN-2",
              "receptacle_1_tag": {
                "current_speed_key": "40 Gb/s",
                "receptacle_id_key": "2",
                "receptacle_status_key": "receptacle_connected"
              }
            },
            { "_name": "a bus without a socket" }
          ]
        }
        """;

    [Fact]
    public void Ports_are_read_with_interface_speed_and_peer() => ThunderboltPort.Parse(Profile, HardwarePorts).Should().Equal(
        new ThunderboltPort(1, "en2", "OWN-1", 120, false, null, null),
        new ThunderboltPort(2, null, "OWN-2", 40, true, null, null),
        new ThunderboltPort(3, "en4", "OWN-3", 80, true, "Mac Studio", "PEER-A"));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"SPThunderboltDataType":3}""")]
    public void Other_texts_are_refused(string text) =>
        FluentActions.Invoking(() => ThunderboltPort.Parse(text, HardwarePorts)).Should().Throw<FormatException>();

    [Fact]
    public void The_RDMA_device_is_named_after_the_interface()
    {
        ThunderboltPort.Parse(Profile, HardwarePorts).Select(port => port.RdmaDevice).Should().Equal("rdma_en2", null, "rdma_en4");
        ThunderboltPort.Parse(Profile, "").Should().OnlyContain(port => port.RdmaDevice == null);
    }
}
