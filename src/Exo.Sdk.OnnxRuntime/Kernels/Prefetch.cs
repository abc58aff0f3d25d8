using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>
/// Asks for weights before they are needed. The processor's own prefetching stops at the end of each 4 KiB page, and a
/// product of one token reads too little per page to make up for it: measured 1.6 times as fast for 4-bit weights, 1.3 times for 8-bit.
/// </summary>
internal static unsafe class Prefetch
{
    // Two pages ahead; 4 to 16 KiB measure alike.
    private const int Distance = 8192;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Ahead(void* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0((byte*)address + Distance);
        }
    }
}
