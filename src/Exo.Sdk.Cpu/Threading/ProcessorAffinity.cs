using System.Runtime.InteropServices;

namespace Exo.Sdk.Cpu.Threading;

/// <summary>Binds the calling thread to a processor, so that ranks on one machine do not chase each other. Linux and Windows.</summary>
internal static unsafe partial class ProcessorAffinity
{
    private const int MaskWords = 16;

    /// <summary>Binds the calling thread.</summary>
    /// <param name="processor">The processor, counted from 0.</param>
    /// <returns>False where the system refuses or has no such call; the thread then runs anywhere.</returns>
    internal static bool TryBind(int processor) => TryBind([processor]);

    /// <summary>Binds the calling thread to any of some processors.</summary>
    internal static bool TryBind(ReadOnlySpan<int> processors)
    {
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        foreach (int processor in processors)
        {
            if ((uint)processor >= MaskWords * 64)
            {
                return false;
            }

            mask[processor / 64] |= 1UL << (processor % 64);
        }

        try
        {
            return OperatingSystem.IsLinux()
                ? SetAffinity(0, MaskWords * sizeof(ulong), mask) == 0
                : OperatingSystem.IsWindows() && SetThreadAffinityMask(GetCurrentThread(), (nuint)mask[0]) != 0;
        }
        catch (Exception missing) when (missing is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint maskBytes, ulong* mask);

    [LibraryImport("kernel32", EntryPoint = "GetCurrentThread")]
    private static partial nint GetCurrentThread();

    [LibraryImport("kernel32", EntryPoint = "SetThreadAffinityMask")]
    private static partial nuint SetThreadAffinityMask(nint thread, nuint mask);
}
