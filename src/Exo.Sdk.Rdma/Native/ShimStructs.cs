using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Exo.Sdk.Rdma.Native;

/// <summary>The codes of <c>exo_rdma.h</c>.</summary>
internal enum ShimCode
{
    Ok = 0,
    BadArgument = 1,
    NoLibrary = 2,
    NoSymbol = 3,
    NoDevice = 4,
    NoMemory = 5,
    System = 6,
    Busy = 7,
    Full = 8,
}

/// <summary>An error with its text; <c>exo_rdma_error</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ShimError
{
    public ShimCode Code;
    public int SystemError;
    public TextBuffer Text;

    /// <summary>The text, up to its zero.</summary>
    public readonly string Message
    {
        get
        {
            ReadOnlySpan<byte> bytes = Text;
            int end = bytes.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
        }
    }

    [InlineArray(496)]
    internal struct TextBuffer
    {
        private byte _first;
    }
}

/// <summary>A device's limits; <c>exo_rdma_limits</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ShimLimits
{
    public long MaxRegionBytes;
    public int MaxQueuePairs;
    public int MaxRegions;
    public int MaxWorkRequests;
    public int MaxCompletions;
    public int PortCount;
    public int Reserved;
}

/// <summary>A port's state; <c>exo_rdma_port</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ShimPort
{
    public int State;
    public int ActiveMtu;
    public int GidCount;
    public int LinkLayer;
    public long MaxMessageBytes;
}

/// <summary>What a queue pair turned out to be; <c>exo_rdma_pair_info</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ShimPairInfo
{
    public uint Number;
    public int SendCapacity;
    public int ReceiveCapacity;
    public int Reserved;
}

/// <summary>The way to the peer's queue pair; <c>exo_rdma_route</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ShimRoute
{
    public Gid RemoteGid;
    public uint RemoteNumber;
    public uint RemoteFirstPacket;
    public uint LocalFirstPacket;
    public int Mtu;
    public int GidIndex;
    public int Reserved;
}

/// <summary>The 16 bytes of a global identifier.</summary>
[InlineArray(16)]
internal struct Gid
{
    private byte _first;
}

/// <summary>A message within a slab; <c>exo_rdma_work</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ShimWork
{
    public ulong Id;
    public ulong Offset;
    public uint Length;
    public uint Reserved;
}

/// <summary>A finished piece of work; <c>exo_rdma_completion</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ShimCompletion
{
    public ulong Id;
    public int Status;
    public uint Length;
    public uint PairNumber;
    public uint VendorError;
}
