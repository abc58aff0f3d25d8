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
    string Device, int Number, int GidIndex, Gid Gid, int PrefixLength, int Mtu, RdmaLimits Limits, int MaxCompletions);
