using System.Runtime.InteropServices;

namespace Exo.Sdk.Cpu.Memory;

/// <summary>
/// Zeroed native memory at an address that stays, aligned for the widest register; large blocks are aligned to huge pages and the system
/// is asked to back them with such, because a product that streams through gigabytes would otherwise miss the TLB at every page.
/// </summary>
internal sealed unsafe class NativeBlock : SafeHandle
{
    private const int LineBytes = 64;
    private const long HugePageBytes = 2 << 20;

    internal NativeBlock(long byteCount, bool hugePages = true)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteCount);
        ByteCount = byteCount;
        bool isLarge = byteCount >= HugePageBytes;
        nuint size = (nuint)Math.Max(byteCount, LineBytes);
        byte* address = (byte*)NativeMemory.AlignedAlloc(size, (nuint)(isLarge ? HugePageBytes : LineBytes));
        SetHandle((nint)address);
        if (isLarge && hugePages)
        {
            HugePages.Ask(address, byteCount);
        }

        // Pages that the system gives anew read as zeros, and are taken only when they are touched.
        if (!isLarge || !HugePages.Discard(address, byteCount))
        {
            NativeMemory.Clear(address, size);
        }
    }

    public override bool IsInvalid => handle == 0;

    internal long ByteCount { get; }

    internal byte* Bytes => (byte*)handle;

    internal float* Floats => (float*)handle;

    /// <summary>Numbers of single precision.</summary>
    internal static NativeBlock OfFloats(long count) => new(checked(count * sizeof(float)));

    protected override bool ReleaseHandle()
    {
        // The allocator may keep a freed block for later, hundreds of megabytes of a shard; its pages go back to the system first.
        if (ByteCount >= HugePageBytes)
        {
            HugePages.Discard((byte*)handle, ByteCount);
        }

        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
