using System.Net;

namespace Exo.Sdk.Mlx.Distributed;

/// <summary>Finds the address at which one rank reaches another, from what both say of themselves.</summary>
internal static class HostAddress
{
    /// <summary>The address of <paramref name="to"/> that lies in a network of <paramref name="from"/>.</summary>
    /// <remarks>
    /// Self-assigned addresses (169.254) are taken last: every cable has its own such network, and two of them look alike.
    /// </remarks>
    /// <returns>The address, or null where they share no network.</returns>
    internal static string? Reach(RankOffer from, RankOffer to)
    {
        if (from.Machine == to.Machine)
        {
            return "127.0.0.1";
        }

        foreach (bool isSelfAssigned in (ReadOnlySpan<bool>)[false, true])
        {
            foreach (string candidate in to.Addresses)
            {
                string address = AddressOf(candidate);
                if (address.StartsWith("169.254.", StringComparison.Ordinal) == isSelfAssigned
                    && from.Addresses.Any(own => IPNetwork.Parse(NetworkOf(own)).Contains(IPAddress.Parse(address))))
                {
                    return address;
                }
            }
        }

        return null;
    }

    /// <summary>The error where two ranks share no network.</summary>
    internal static UnavailableException NoWay(int from, int to, RankOffer[] offers) => new(
        $"MLX's group cannot be connected: rank {from} has the addresses {Show(offers[from])} and rank {to} has {Show(offers[to])}, and none "
        + "lies in a network of the other. Give both ends of the cable addresses in one network, or use the cluster's own group.");

    /// <summary>The network of an address with prefix length, in its canonical form; empty where the text is none.</summary>
    internal static string NetworkOf(string address)
    {
        int slash = address.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !IPAddress.TryParse(address.AsSpan(0, slash), out IPAddress? parsed) || parsed.GetAddressBytes() is not { Length: 4 } bytes
            || !int.TryParse(address.AsSpan(slash + 1), out int prefix) || prefix is < 0 or > 32)
        {
            return "";
        }

        uint value = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes);
        uint mask = prefix == 0 ? 0 : uint.MaxValue << (32 - prefix);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, value & mask);
        return $"{new IPAddress(bytes)}/{prefix}";
    }

    private static string AddressOf(string address) => address[..address.IndexOf('/', StringComparison.Ordinal)];

    private static string Show(RankOffer offer) => offer.Addresses.Count == 0 ? "none" : string.Join(", ", offer.Addresses);
}
