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
    private const int LineBytes = 64;

    /// <summary>Asks for as many bytes as are about to be read, far ahead of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Ahead(void* address, int byteCount)
    {
        if (Sse.IsSupported)
        {
            for (int offset = 0; offset < byteCount; offset += LineBytes)
            {
                Sse.Prefetch0((byte*)address + Distance + offset);
            }
        }
    }
}
