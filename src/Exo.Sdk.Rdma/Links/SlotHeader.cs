using System.Runtime.InteropServices;

namespace Exo.Sdk.Rdma.Links;

/// <summary>
/// The 48 bytes before every message, little-endian. Each carries a report on what its sender has received, so that a
/// peer learns of losses and of room without further messages.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SlotHeader
{
    /// <summary>The header's length in bytes.</summary>
    public const int ByteCount = 48;

    /// <summary>Set in <see cref="Kind"/> where bytes of the collective follow; else the message is a report alone.</summary>
    public const uint Data = 0x41544144;

    /// <summary>A message without data.</summary>
    public const uint Report = 0x54525052;

    /// <summary>Says which epoch and which sender and receiver the message belongs to.</summary>
    public uint Mark;

    /// <summary><see cref="Data"/> or <see cref="Report"/>.</summary>
    public uint Kind;

    /// <summary>The number of bytes behind the header.</summary>
    public uint Length;

    /// <summary>The number of this message among those with data; the same when it is sent again.</summary>
    public uint Sequence;

    /// <summary>The number of this transmission among all; another one when it is sent again.</summary>
    public uint Transmission;

    /// <summary>All data messages before this number have arrived here.</summary>
    public uint Acknowledged;

    /// <summary>All data messages before this number have been taken by the collective, so their slots are free.</summary>
    public uint Consumed;

    /// <summary>One more than the highest transmission number that has arrived here.</summary>
    public uint Seen;

    /// <summary>Which of the 128 data messages behind <see cref="Acknowledged"/> have arrived, lowest bit first.</summary>
    public ulong ArrivedLow;

    /// <summary>The upper half of that.</summary>
    public ulong ArrivedHigh;

    /// <summary>Computes a mark.</summary>
    /// <param name="epoch">The group's epoch.</param>
    /// <param name="from">The sending rank.</param>
    /// <param name="to">The receiving rank.</param>
    /// <returns>The mark.</returns>
    public static uint MarkOf(ulong epoch, int from, int to) =>
        (uint)(epoch ^ (epoch >> 32)) ^ ((uint)from << 24) ^ ((uint)to << 16) ^ 0x5845u;
}
