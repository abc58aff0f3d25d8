using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Exo.Sdk.Cpu.Simd;

/// <summary>
/// Asks for weights before they are needed. The processor's own prefetching falls behind a product of one token, which reads every
/// byte once: measured 1.15 to 1.25 times as fast with it.
/// </summary>
internal static unsafe class Prefetch
{
    // Two pages ahead; 4 to 16 KiB measure alike.
    private const int Distance = 8192;

    /// <summary>Asks for the line that lies far ahead of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Ahead(void* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0((byte*)address + Distance);
        }
    }
}
