using System.Globalization;
using System.Net;
using System.Text;
using Exo.Sdk.Rdma.Native;

namespace Exo.Sdk.Rdma.Devices;

/// <summary>Reads this machine's devices: what they are, which ports can be used, and why the others cannot.</summary>
internal static unsafe class DeviceCatalog
{
    private const int MaxDevices = 64;
    private const int ActiveState = 4;

    /// <summary>The names of all devices, in the order of the verbs library.</summary>
    /// <param name="library">The library.</param>
    /// <returns>The names.</returns>
    /// <exception cref="UnavailableException">The list cannot be read.</exception>
    public static string[] Names(VerbsHandle library)
    {
        byte[] names = new byte[MaxDevices * Shim.NameBytes];
        fixed (byte* first = names)
        {
            Shim.Check(Shim.ListDevices(library, first, MaxDevices, out int count, out ShimError error), error);
            string[] found = new string[Math.Min(count, MaxDevices)];
            for (int index = 0; index < found.Length; index++)
            {
                ReadOnlySpan<byte> name = names.AsSpan(index * Shim.NameBytes, Shim.NameBytes);
                int end = name.IndexOf((byte)0);
                found[index] = Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
            }

            return found;
        }
    }

    /// <summary>Reads a device with its ports.</summary>
    /// <param name="device">The open device.</param>
    /// <param name="name">Its name.</param>
    /// <param name="ceiling">Limits below those of the device, or null.</param>
    /// <returns>The device, and its ports that can be used.</returns>
    /// <exception cref="UnavailableException">It cannot be read.</exception>
    public static (RdmaDevice Device, List<LocalPort> Usable) Read(DeviceHandle device, string name, RdmaLimits? ceiling)
    {
        Shim.Check(Shim.ReadLimits(device, out ShimLimits stated, out ShimError error), error);
        List<RdmaPort> ports = [];
        List<LocalPort> usable = [];
        long longest = 0;
        List<(ShimPort Info, int Number, Gid[] Table)> read = [];
        for (int number = 1; number <= stated.PortCount; number++)
        {
            Shim.Check(Shim.ReadPort(device, number, out ShimPort info, out error), error);
            longest = Math.Max(longest, info.MaxMessageBytes);
            read.Add((info, number, GidTable.Read(device, number, info.GidCount)));
        }

        RdmaLimits limits = Lower(
            new RdmaLimits(stated.MaxQueuePairs, stated.MaxRegions, stated.MaxWorkRequests, longest), ceiling);
        foreach ((ShimPort info, int number, Gid[] table) in read)
        {
            bool active = info.State == ActiveState;
            ports.Add(new RdmaPort(number, active, info.ActiveMtu, [.. table.Select(gid => GidTable.Format(gid))])
            {
                State = StateText(info.State),
                LinkLayer = info.LinkLayer switch { 1 => "InfiniBand", 2 => "Ethernet", _ => "" },
            });
            int index = GidTable.Find(table, entry => GidTable.Form(name, number, entry));
            if (active && index >= 0 && GidTable.Ipv4(table[index]) is { } address)
            {
                int prefix = GidTable.PrefixLength(address);
                usable.Add(new LocalPort(name, number, index, table[index], prefix, info.ActiveMtu, limits, stated.MaxCompletions));
            }
        }

        return (new RdmaDevice(name, ports, limits), usable);
    }

    /// <summary>Says why a device has no usable port.</summary>
    /// <param name="device">The device.</param>
    /// <returns>A phrase that names the device and what to do.</returns>
    public static string WhyUnusable(RdmaDevice device)
    {
        StringBuilder text = new(device.Name);
        text.Append(device.Ports.Count == 0 ? ": it has no port" : ":");
        foreach (RdmaPort port in device.Ports)
        {
            text.Append(CultureInfo.InvariantCulture, $" port {port.Number} is {port.State}");
            if (!port.IsActive)
            {
                text.Append(" (no link: check the cable and that the other machine is on)");
            }
            else if (!port.Gids.Any(gid => IPAddress.TryParse(gid, out IPAddress? address) && address.IsIPv4MappedToIPv6))
            {
                text.Append(", but its interface has no IPv4 address (give it one, outside any bridge)");
            }
        }

        return text.ToString();
    }

    private static RdmaLimits Lower(RdmaLimits stated, RdmaLimits? ceiling) => ceiling is not { } most
        ? stated
        : new RdmaLimits(
            Math.Min(stated.MaxQueuePairs, most.MaxQueuePairs),
            Math.Min(stated.MaxMemoryRegions, most.MaxMemoryRegions),
            Math.Min(stated.MaxWorkRequests, most.MaxWorkRequests),
            Math.Min(stated.MaxMessageBytes, most.MaxMessageBytes));

    private static string StateText(int state) => state switch
    {
        1 => "down",
        2 => "initializing",
        3 => "armed",
        4 => "active",
        5 => "deferred",
        _ => string.Create(CultureInfo.InvariantCulture, $"in state {state}"),
    };
}
