using System.Net;
using Exo.Sdk.Rdma.Devices;
using Exo.Sdk.Rdma.Native;

namespace Exo.Sdk.Rdma.Tests.Devices;

public sealed class GidTableTests
{
    private static readonly Gid[] Table = [.. ((string[])["fe80::1", "::", "::ffff:10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1"]).Select(Parse)];

    [Fact]
    public void The_entry_with_an_IPv4_address_is_found_wherever_it_is()
    {
        GidTable.Find(Table, _ => null).Should().Be(2);
        GidTable.Find(Table.AsSpan(0, 2), _ => null).Should().Be(-1);
        GidTable.Find([], _ => null).Should().Be(-1);
    }

    [Fact]
    public void The_routable_form_is_preferred_where_the_system_tells()
    {
        GidTable.Find(Table, index => index == 3 ? "RoCE v2" : "IB/RoCE v1").Should().Be(3);
        GidTable.Find(Table, _ => "IB/RoCE v1").Should().Be(2);
    }

    [Fact]
    public void Addresses_are_read_and_written()
    {
        GidTable.Ipv4(Table[2]).Should().Be(IPAddress.Parse("10.0.0.1"));
        GidTable.Ipv4(Table[0]).Should().BeNull();
        GidTable.Ipv4(Parse("::ffff:0.0.0.0")).Should().BeNull();
        GidTable.Format(Table[1]).Should().BeEmpty();
        GidTable.Format(Table[2]).Should().Be("::ffff:10.0.0.1");
        GidTable.PrefixLength(IPAddress.Loopback).Should().Be(8, "as this machine's interface says");
        GidTable.PrefixLength(IPAddress.Parse("192.0.2.77")).Should().Be(GidTable.UsualPrefixLength);
    }

    private static Gid Parse(string text)
    {
        Gid gid = default;
        IPAddress.Parse(text).GetAddressBytes().CopyTo((Span<byte>)gid);
        return gid;
    }
}
