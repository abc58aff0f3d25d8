using System.Runtime.InteropServices;

namespace Exo.Sdk.Cpu.Memory;

/// <summary>Advice to the system about pages of memory. Linux; elsewhere nothing happens and the answer is no.</summary>
internal static unsafe partial class HugePages
{
    private const int AdviseDiscard = 4;
    private const int AdviseHugePages = 14;
    private const long SmallPageBytes = 4096;

    /// <summary>Asks for huge pages under memory that is aligned to them.</summary>
    internal static bool Ask(byte* address, long byteCount) => Advise(address, byteCount, AdviseHugePages);

    /// <summary>Gives whole pages back to the system, which then read as zeros.</summary>
    /// <returns>Whether all of the memory now reads as zeros.</returns>
    internal static bool Discard(byte* address, long byteCount)
    {
        long whole = byteCount / SmallPageBytes * SmallPageBytes;
        if (!Advise(address, whole, AdviseDiscard))
        {
            return false;
        }

        NativeMemory.Clear(address + whole, (nuint)(byteCount - whole));
        return true;
    }

    private static bool Advise(byte* address, long byteCount, int advice)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            return AdviseMemory(address, (nuint)byteCount, advice) == 0;
        }
        catch (Exception missing) when (missing is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int AdviseMemory(void* address, nuint byteCount, int advice);
}
