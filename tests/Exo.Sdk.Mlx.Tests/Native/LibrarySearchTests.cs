using System.Runtime.InteropServices;
using Exo.Sdk.Mlx.Native;

namespace Exo.Sdk.Mlx.Tests.Native;

public sealed class LibrarySearchTests
{
    [Fact]
    public void On_a_Mac_the_package_managers_places_come_after_the_programs()
    {
        LibrarySearch.Candidates(null, OSPlatform.OSX, "arm64", "/app", "/Users/me", _ => false).Should().Equal(
            "/app/libmlxc.dylib",
            "/app/runtimes/osx-arm64/native/libmlxc.dylib",
            "/Users/me/.local/lib/libmlxc.dylib",
            "/opt/homebrew/lib/libmlxc.dylib",
            "/usr/local/lib/libmlxc.dylib",
            "/opt/local/lib/libmlxc.dylib",
            "libmlxc.dylib");
    }

    [Fact]
    public void On_Linux_the_usual_places_are_tried()
    {
        LibrarySearch.Candidates(null, OSPlatform.Linux, "x64", "/app", null, _ => false).Should().Equal(
            "/app/libmlxc.so",
            "/app/runtimes/linux-x64/native/libmlxc.so",
            "/usr/local/lib/libmlxc.so",
            "/usr/lib/x86_64-linux-gnu/libmlxc.so",
            "/usr/lib64/libmlxc.so",
            "/usr/lib/libmlxc.so",
            "libmlxc.so");
    }

    [Theory]
    [InlineData("/opt/mlx/libmlxc.dylib", false, "/opt/mlx/libmlxc.dylib")]
    [InlineData("/opt/mlx", true, "/opt/mlx/libmlxc.dylib")]
    public void What_is_named_is_the_only_place(string named, bool isFolder, string expected) =>
        LibrarySearch.Candidates(named, OSPlatform.OSX, "arm64", "/app", null, _ => isFolder).Should().Equal(expected);
}
