using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Exo.Sdk.Rdma.Native;

namespace Exo.Sdk.Rdma.Devices;

/// <summary>A port's table of global identifiers.</summary>
internal static class GidTable
{
    /// <summary>Tables are up to 1024 entries long; what is used lies in front.</summary>
    public const int MaxEntries = 256;

    /// <summary>The subnet's bits where no interface of this machine has the address.</summary>
    public const int UsualPrefixLength = 24;

    /// <summary>Reads a table.</summary>
    /// <param name="device">The device.</param>
    /// <param name="port">The port, from 1.</param>
    /// <param name="count">The table's length.</param>
    /// <returns>The entries up to the last one in use; unused ones are zero.</returns>
    public static Gid[] Read(DeviceHandle device, int port, int count)
    {
        Gid[] entries = new Gid[Math.Clamp(count, 0, MaxEntries)];
        int used = 0;
        for (int index = 0; index < entries.Length; index++)
        {
            if (Shim.ReadGid(device, port, index, out Gid gid, out _) == ShimCode.Ok && !IsUnused(gid))
            {
                entries[index] = gid;
                used = index + 1;
            }
        }

        return entries[..used];
    }

    /// <summary>Finds the entry to use, by what it holds: an IPv4 address, in the routable form where the system tells.</summary>
    /// <param name="entries">The table.</param>
    /// <param name="describe">What the system says of an entry's form, or null.</param>
    /// <returns>The index, or −1.</returns>
    public static int Find(ReadOnlySpan<Gid> entries, Func<int, string?> describe)
    {
        int found = -1;
        for (int index = 0; index < entries.Length; index++)
        {
            if (Ipv4(entries[index]) is null)
            {
                continue;
            }

            string? form = describe(index);
            if (form is null || form.Contains("v2", StringComparison.OrdinalIgnoreCase))
            {
                return index;
            }

            found = found < 0 ? index : found;
        }

        return found;
    }

    /// <summary>What Linux says of an entry's form, for example <c>RoCE v2</c>.</summary>
    /// <param name="device">The device's name.</param>
    /// <param name="port">The port.</param>
    /// <param name="index">The entry.</param>
    /// <returns>The form, or null where it is not said.</returns>
    public static string? Form(string device, int port, int index)
    {
        try
        {
            return OperatingSystem.IsLinux()
                ? File.ReadAllText($"/sys/class/infiniband/{device}/ports/{port}/gid_attrs/types/{index}").Trim()
                : null;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The IPv4 address that a GID holds.</summary>
    /// <param name="gid">The GID.</param>
    /// <returns>The address, or null where it holds none.</returns>
    public static IPAddress? Ipv4(in Gid gid)
    {
        ReadOnlySpan<byte> bytes = gid;
        bool mapped = !bytes[..10].ContainsAnyExcept((byte)0) && bytes[10] == 0xFF && bytes[11] == 0xFF
            && bytes[12..].ContainsAnyExcept((byte)0);
        return mapped ? new IPAddress(bytes[12..]) : null;
    }

    /// <summary>A GID as text, empty where it is unused.</summary>
    /// <param name="gid">The GID.</param>
    /// <returns>For example <c>::ffff:10.0.0.1</c>.</returns>
    public static string Format(in Gid gid) => IsUnused(gid) ? "" : new IPAddress(gid).ToString();

    /// <summary>How many bits name the subnet of one of this machine's addresses.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The interface's prefix length, or <see cref="UsualPrefixLength"/> where no interface has the address.</returns>
    public static int PrefixLength(IPAddress address)
    {
        try
        {
            foreach (NetworkInterface network in NetworkInterface.GetAllNetworkInterfaces())
            {
                foreach (UnicastIPAddressInformation own in network.GetIPProperties().UnicastAddresses)
                {
                    if (own.Address.AddressFamily == AddressFamily.InterNetwork && own.Address.Equals(address))
                    {
                        return Math.Clamp(own.PrefixLength, 1, 32);
                    }
                }
            }
        }
        catch (NetworkInformationException)
        {
            // A system without that list; the usual value serves.
        }

        return UsualPrefixLength;
    }

    private static bool IsUnused(in Gid gid)
    {
        ReadOnlySpan<byte> bytes = gid;
        return !bytes.ContainsAnyExcept((byte)0);
    }
}
