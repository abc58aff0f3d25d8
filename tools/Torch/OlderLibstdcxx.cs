using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Exo.Tools.Torch;

/// <summary>
/// Lets TorchSharp 0.107 run on systems whose C++ runtime is older than GCC 13 (Debian 12, Ubuntu 22.04).
/// </summary>
/// <remarks>
/// <para>TorchSharp's native library needs exactly one symbol that GCC 12's libstdc++ lacks,
/// <c>std::ios_base_library_init()</c> of version GLIBCXX_3.4.32, which makes sure that the standard streams exist.
/// Older runtimes do the same in the constructor of <c>std::ios_base::Init</c>, which does not touch its object, so the
/// reference is pointed there. Only the copy beside this program is changed.</para>
/// </remarks>
internal static class OlderLibstdcxx
{
    private const string NewSymbol = "_ZSt21ios_base_library_initv";
    private const string OldSymbol = "_ZNSt8ios_base4InitC1Ev";
    private const string NewVersion = "GLIBCXX_3.4.32";
    private const string OldVersion = "GLIBCXX_3.4";

    /// <summary>Runs before the first use of torch, which loads the native library.</summary>
    [ModuleInitializer]
    internal static void Adapt()
    {
        var native = Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so");
        if (!OperatingSystem.IsLinux() || !File.Exists(native) || RuntimeHasNewSymbol())
        {
            return;
        }
        var image = File.ReadAllBytes(native);
        var hash = new byte[4];
        var oldHash = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(hash, ElfHash(NewVersion));
        BinaryPrimitives.WriteUInt32LittleEndian(oldHash, ElfHash(OldVersion));
        if (Replace(image, ZeroTerminated(NewSymbol), ZeroTerminated(OldSymbol)) == 0)
        {
            return; // Adapted by an earlier run.
        }
        Replace(image, ZeroTerminated(NewVersion), ZeroTerminated(OldVersion));
        Replace(image, hash, oldHash);

        // A new file under the old name: another process may have the old one mapped.
        var adapted = $"{native}.{Environment.ProcessId}";
        File.WriteAllBytes(adapted, image);
        File.Move(adapted, native, overwrite: true);
    }

    private static bool RuntimeHasNewSymbol() =>
        NativeLibrary.TryLoad("libstdc++.so.6", out var handle) && NativeLibrary.TryGetExport(handle, NewSymbol, out _);

    private static byte[] ZeroTerminated(string text) => Encoding.ASCII.GetBytes(text + '\0');

    private static int Replace(byte[] image, byte[] from, byte[] to)
    {
        var count = 0;
        for (var start = 0; ; count++)
        {
            var found = image.AsSpan(start).IndexOf(from);
            if (found < 0)
            {
                return count;
            }
            start += found;
            image.AsSpan(start, from.Length).Clear();
            to.CopyTo(image, start);
            start += to.Length;
        }
    }

    /// <summary>The symbol-version hash of the System V ABI's ELF specification.</summary>
    private static uint ElfHash(string name)
    {
        uint hash = 0;
        foreach (var c in name)
        {
            hash = (hash << 4) + c;
            var high = hash & 0xF000_0000;
            hash = (hash ^ (high >> 24)) & ~high;
        }
        return hash;
    }
}
