using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Mlx.Tests.Support;

/// <summary>A test on the stand-in for libmlxc, which a C compiler makes. Where there is none it is skipped and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class StandinFactAttribute : FactAttribute
{
    public StandinFactAttribute() => Skip = Standin.WhyAbsent;
}

/// <summary>As <see cref="StandinFactAttribute"/>, for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class StandinTheoryAttribute : TheoryAttribute
{
    public StandinTheoryAttribute() => Skip = Standin.WhyAbsent;
}

/// <summary>The forms that the stand-in is compiled in.</summary>
public enum StandinForm
{
    /// <summary>Groups are written through an out-parameter.</summary>
    Current,

    /// <summary>mlx-c 0.6.0: groups are returned.</summary>
    OldGroups,

    /// <summary>Before mlx-c 0.6.0.</summary>
    TooOld,
}

/// <summary>A stand-in of its own for one test: a copy of the library has books of its own.</summary>
internal sealed unsafe class Standin
{
    private static readonly Lazy<string?> Absent = new(static () => OperatingSystem.IsWindows()
        ? "the stand-in is for Unix"
        : TryRun("cc", "--version") ? null : "there is no C compiler `cc` to make the stand-in with");

    // One for the whole run, which goes with the process: while tests run, backends still open the copies in it.
    private static readonly Lazy<DirectoryInfo> Folder = new(static () =>
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("exo-mlx-standin-");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Delete(recursive: true);
        return folder;
    });

    private static readonly Dictionary<StandinForm, string> Compiled = [];
    private readonly nint _library;

    public Standin(StandinForm form = StandinForm.Current)
    {
        string original;
        lock (Compiled)
        {
            if (!Compiled.TryGetValue(form, out original!))
            {
                Compiled[form] = original = Compile(form);
            }
        }

        Path = NewPath();
        File.Copy(original, Path);
        _library = NativeLibrary.Load(Path);
        Backend = new MlxBackend(new MlxBackendOptions { LibraryPath = Path, Device = MlxComputeDevice.Cpu });
    }

    public static string? WhyAbsent => Absent.Value;

    public string Path { get; }

    /// <summary>A backend on this stand-in.</summary>
    public MlxBackend Backend { get; }

    public long Live => Count("standin_live");

    public long Evaluations => Count("standin_evaluations");

    public string HostFile => Marshal.PtrToStringUTF8(((delegate* unmanaged[Cdecl]<nint>)Export("standin_host_file"))())!;

    public string HostPath => Marshal.PtrToStringUTF8(((delegate* unmanaged[Cdecl]<nint>)Export("standin_host_path"))())!;

    public int HostMode => ((delegate* unmanaged[Cdecl]<int>)Export("standin_host_mode"))();

    /// <summary>Lets the next call of a function fail.</summary>
    public void Fail(string function)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(function);
        ((delegate* unmanaged[Cdecl]<nint, void>)Export("standin_fail"))(name);
        Marshal.FreeCoTaskMem(name);
    }

    public void SetMetal(bool value) => ((delegate* unmanaged[Cdecl]<int, void>)Export("standin_set_metal"))(value ? 1 : 0);

    public long Limit(int which) => (long)((delegate* unmanaged[Cdecl]<int, nuint>)Export("standin_limit"))(which);

    /// <summary>Nothing was freed twice, called before the error handler was there, used on a foreign thread or taken for something else.</summary>
    public void ShouldBeInOrder()
    {
        Count("standin_double_frees").Should().Be(0, "a handle is freed once");
        Count("standin_early_calls").Should().Be(0, "the error handler comes first");
        Count("standin_wrong_threads").Should().Be(0, "a stream belongs to the thread that took it");
        Count("standin_bad_handles").Should().Be(0, "every handle is of the kind that is expected");
    }

    private long Count(string function) => (long)((delegate* unmanaged[Cdecl]<nint>)Export(function))();

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);

    private static string Compile(StandinForm form)
    {
        string path = NewPath();
        List<string> arguments = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, System.IO.Path.Combine(AppContext.BaseDirectory, "Native", "standin.c"), "-lm", "-lpthread"];
        if (form != StandinForm.Current)
        {
            arguments.Insert(0, form == StandinForm.OldGroups ? "-DOLD_GROUPS" : "-DTOO_OLD");
        }

        TryRun("cc", [.. arguments]).Should().BeTrue("the stand-in must compile");
        return path;
    }

    private static string NewPath() => System.IO.Path.Combine(Folder.Value.CreateSubdirectory(Guid.NewGuid().ToString("N")).FullName, "libmlxc.so");

    private static bool TryRun(string command, params string[] arguments)
    {
        try
        {
            ProcessStartInfo start = new(command) { RedirectStandardOutput = true };
            Array.ForEach(arguments, start.ArgumentList.Add);
            using Process process = Process.Start(start)!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
