using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Exo.Sdk.Rdma.Devices;
using Exo.Sdk.Rdma.Native;

namespace Exo.Sdk.Rdma.Pairs;

/// <summary>A port as its owner describes it to a peer.</summary>
/// <param name="Device">The device's name, for messages.</param>
/// <param name="Gid">Its GID, which holds an IPv4 address.</param>
/// <param name="PrefixLength">How many bits of the address name the subnet.</param>
/// <param name="Mtu">Bytes per packet.</param>
/// <param name="MaxWorkRequests">Work requests per queue.</param>
/// <param name="MaxMessageBytes">The longest message.</param>
internal readonly record struct OfferedPort(
    string Device, Gid Gid, int PrefixLength, int Mtu, int MaxWorkRequests, long MaxMessageBytes);

/// <summary>
/// What each rank tells each other one first, over the authenticated TCP connection, in a message of fixed size: how it
/// wants to talk and which ports it has. Little-endian: mark (u64), version (u8), kind (u8), flags (u8), ports (u8),
/// slot bytes (i32), depth (i32), 12 bytes of zero; then for each of 16 ports 104 bytes: GID (16), prefix length, MTU,
/// work requests (i32 each), 4 bytes of zero, message bytes (i64), name (64, UTF-8, ends with zeros).
/// </summary>
internal sealed record PairOffer(bool IsReliable, bool CountsFrames, int SlotBytes, int Depth, IReadOnlyList<OfferedPort> Ports)
{
    /// <summary>The most ports that are offered.</summary>
    public const int MaxPorts = 16;

    /// <summary>The message's length.</summary>
    public const int ByteCount = HeadBytes + (MaxPorts * PortBytes);

    private const int HeadBytes = 32;
    private const int PortBytes = 104;
    private const int NameAt = 40;
    private const byte Version = 1;
    private const ulong Mark = 0x31414D44524F5845; // "EXORDMA1"

    /// <summary>Describes this rank.</summary>
    /// <param name="options">How it wants to talk.</param>
    /// <param name="ports">Its ports that can be used.</param>
    /// <returns>The offer.</returns>
    public static PairOffer Of(RdmaOptions options, IReadOnlyList<LocalPort> ports) => new(
        options.IsReliable,
        options.CountsFrames,
        options.SlotBytes,
        options.Depth,
        [.. ports.Take(MaxPorts).Select(port => new OfferedPort(
            port.Device, port.Gid, port.PrefixLength, port.Mtu, port.Limits.MaxWorkRequests, port.Limits.MaxMessageBytes))]);

    /// <summary>Writes the message.</summary>
    /// <param name="target"><see cref="ByteCount"/> bytes.</param>
    public void Write(Span<byte> target)
    {
        target[..ByteCount].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(target, Mark);
        target[8] = Version;
        target[9] = IsReliable ? (byte)1 : (byte)2;
        target[10] = CountsFrames ? (byte)1 : (byte)0;
        target[11] = (byte)Ports.Count;
        BinaryPrimitives.WriteInt32LittleEndian(target[12..], SlotBytes);
        BinaryPrimitives.WriteInt32LittleEndian(target[16..], Depth);
        for (int index = 0; index < Ports.Count; index++)
        {
            OfferedPort port = Ports[index];
            Span<byte> place = target.Slice(HeadBytes + (index * PortBytes), PortBytes);
            Gid gid = port.Gid;
            ((ReadOnlySpan<byte>)gid).CopyTo(place);
            BinaryPrimitives.WriteInt32LittleEndian(place[16..], port.PrefixLength);
            BinaryPrimitives.WriteInt32LittleEndian(place[20..], port.Mtu);
            BinaryPrimitives.WriteInt32LittleEndian(place[24..], port.MaxWorkRequests);
            BinaryPrimitives.WriteInt64LittleEndian(place[32..], port.MaxMessageBytes);
            Utf8.FromUtf16(port.Device, place[NameAt..], out _, out _);
        }
    }

    /// <summary>Reads a message. The peer has proved the group's secret; its numbers are still checked.</summary>
    /// <param name="source"><see cref="ByteCount"/> bytes.</param>
    /// <param name="peer">The sender, for the error.</param>
    /// <returns>The offer.</returns>
    /// <exception cref="ProtocolException">It is none, or a number in it is out of range.</exception>
    public static PairOffer Read(ReadOnlySpan<byte> source, int peer)
    {
        if (BinaryPrimitives.ReadUInt64LittleEndian(source) != Mark || source[8] != Version)
        {
            throw new ProtocolException($"Rank {peer} does not speak this version of the RDMA exchange; all ranks need the transport 'rdma' of one release.");
        }

        int count = source[11];
        int slotBytes = BinaryPrimitives.ReadInt32LittleEndian(source[12..]);
        int depth = BinaryPrimitives.ReadInt32LittleEndian(source[16..]);
        if (count > MaxPorts || source[9] is not (1 or 2) || slotBytes is < 256 or > 8 << 20 || slotBytes % 16 != 0 || depth is < 1 or > 1024)
        {
            throw new ProtocolException($"Rank {peer} offers {count} ports, slots of {slotBytes} bytes and a depth of {depth}, which is out of range.");
        }

        OfferedPort[] ports = new OfferedPort[count];
        for (int index = 0; index < count; index++)
        {
            ReadOnlySpan<byte> place = source.Slice(HeadBytes + (index * PortBytes), PortBytes);
            Gid gid = default;
            place[..16].CopyTo(gid);
            ReadOnlySpan<byte> name = place[NameAt..];
            int end = name.IndexOf((byte)0);
            ports[index] = new OfferedPort(
                Encoding.UTF8.GetString(end < 0 ? name : name[..end]),
                gid,
                BinaryPrimitives.ReadInt32LittleEndian(place[16..]),
                BinaryPrimitives.ReadInt32LittleEndian(place[20..]),
                BinaryPrimitives.ReadInt32LittleEndian(place[24..]),
                BinaryPrimitives.ReadInt64LittleEndian(place[32..]));
            OfferedPort port = ports[index];
            if (port.PrefixLength is < 1 or > 32 || port.Mtu is not (256 or 512 or 1024 or 2048 or 4096)
                || port.MaxWorkRequests < 1 || port.MaxMessageBytes < 1 || GidTable.Ipv4(gid) is null)
            {
                throw new ProtocolException($"Rank {peer} offers the port {port}, which is out of range.");
            }
        }

        return new PairOffer(source[9] == 1, source[10] != 0, slotBytes, depth, ports);
    }
}
