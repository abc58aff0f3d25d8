using System.Runtime.InteropServices;

namespace Exo.Sdk.OnnxRuntime.Weights;

/// <summary>Single-precision numbers in native memory, aligned for the widest register, at an address that stays.</summary>
internal sealed unsafe class NativeFloats : SafeHandle
{
    private const int Alignment = 64;

    internal NativeFloats(long count)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        Count = count;
        SetHandle((nint)NativeMemory.AlignedAlloc((nuint)Math.Max(ByteCount, Alignment), Alignment));
    }

    public override bool IsInvalid => handle == 0;

    internal long Count { get; }

    internal long ByteCount => Count * sizeof(float);

    internal float* Address => (float*)handle;

    /// <summary>All numbers.</summary>
    internal Span<float> Span => new(Address, checked((int)Count));

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
