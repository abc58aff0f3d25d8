using System.Runtime.InteropServices;
using System.Text;

namespace Exo.Sdk.Rdma.Tests.Support;

/// <summary>
/// A copy of the verbs library in memory of a test's own: its devices, links and faults are shared with no other test.
/// See native/exo_rdma/tests/fake_verbs.c for the knobs and counters.
/// </summary>
public sealed unsafe class FakeVerbs : IDisposable
{
    private static readonly string[] Kinds = ["contexts", "pds", "mrs", "cqs", "qps", "channels"];

    private readonly string _copy;
    private readonly nint _handle;
    private readonly delegate* unmanaged<byte*, nint, int> _set;
    private readonly delegate* unmanaged<byte*, nint> _get;

    public FakeVerbs()
    {
        _copy = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"exo-fake-verbs-{Guid.NewGuid():N}.so");
        File.Copy(Path!, _copy);
        _handle = NativeLibrary.Load(_copy);
        _set = (delegate* unmanaged<byte*, nint, int>)NativeLibrary.GetExport(_handle, "fake_verbs_set");
        _get = (delegate* unmanaged<byte*, nint>)NativeLibrary.GetExport(_handle, "fake_verbs_get");
    }

    /// <summary>The built library, or null where it is not built.</summary>
    public static string? Path
    {
        get
        {
            string file = OperatingSystem.IsMacOS() ? "libfake_verbs.dylib" : "libfake_verbs.so";
            string path = System.IO.Path.Combine(AppContext.BaseDirectory, "fake", file);
            return File.Exists(path) ? path : null;
        }
    }

    /// <summary>The path to give to <see cref="RdmaOptions.VerbsLibrary"/>.</summary>
    public string Library => _copy;

    public void Set(string knob, long value)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(knob + '\0'))
        {
            _set(name, (nint)value).Should().Be(0, "the knob {0} exists", knob);
        }
    }

    public long Get(string counter)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(counter + '\0'))
        {
            long value = _get(name);
            value.Should().BeGreaterThanOrEqualTo(0, "the counter {0} exists", counter);
            return value;
        }
    }

    /// <summary>Every native object is gone.</summary>
    public void ShouldBeEmpty() => Kinds.Select(kind => (kind, Get(kind))).Should().Equal(Kinds.Select(kind => (kind, 0L)));

    public void Dispose()
    {
        NativeLibrary.Free(_handle);
        File.Delete(_copy);
    }
}
