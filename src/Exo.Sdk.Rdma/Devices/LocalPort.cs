using System.Buffers.Binary;
using System.Net;
using Exo.Sdk.Rdma.Native;

namespace Exo.Sdk.Rdma.Devices;

/// <summary>A port that can carry messages: its link is up and it has a GID that holds an IPv4 address.</summary>
/// <param name="Device">The device's name.</param>
/// <param name="Number">The port, from 1.</param>
/// <param name="GidIndex">Where the GID is in the port's table.</param>
/// <param name="Gid">The GID.</param>
/// <param name="PrefixLength">How many bits of the IPv4 address name the subnet.</param>
/// <param name="Mtu">Bytes per packet.</param>
/// <param name="Limits">The device's limits, lowered to the ceiling of the options.</param>
/// <param name="MaxCompletions">The longest completion queue.</param>
internal sealed record LocalPort(
    string Device, int Number, int GidIndex, Gid Gid, int PrefixLength, int Mtu, RdmaLimits Limits, int MaxCompletions)
{
    /// <summary>The port's subnet, for example <c>10.0.1.0/24</c>.</summary>
    public string Network()
    {
        Gid gid = Gid;
        ReadOnlySpan<byte> bytes = gid;
        uint address = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]);
        Span<byte> subnet = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(subnet, address & (uint.MaxValue << (32 - PrefixLength)));
        return $"{new IPAddress(subnet)}/{PrefixLength}";
    }
}
