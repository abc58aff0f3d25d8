using Exo.Cli.Doctor;

namespace Exo.Cli.Tests.Doctor;

/// <summary>Reading the system's folders, here made by hand.</summary>
public sealed class LinuxFactsTests
{
    private static readonly MachineFacts Empty = new() { System = "linux", Version = "6.1.0", Architecture = "x64" };

    [Fact]
    public void Devices_limits_and_shared_memory_are_read()
    {
        using Root root = new();
        root.Write("sys/class/infiniband/rxe0/ports/1/state", "4: ACTIVE\n");
        root.Write("sys/class/infiniband/rxe0/ports/1/gids/0", "fe80:0000:0000:0000:5054:00ff:fe12:3456\n");
        root.Write("sys/class/infiniband/rxe0/ports/1/gids/1", "0000:0000:0000:0000:0000:0000:0000:0000\n");
        root.Write("sys/class/infiniband/mlx5_0/ports/1/state", "1: DOWN\n");
        root.Write("proc/self/limits", "Limit                     Soft Limit           Hard Limit           Units     \nMax locked memory         65536                unlimited            bytes     \n");
        Directory.CreateDirectory(Path.Combine(root.Path, "dev", "shm"));

        MachineFacts facts = LinuxFacts.AddTo(Empty, root.Path);

        facts.Rdma!.Devices.Should().BeEquivalentTo(
            [new RdmaDeviceFacts("mlx5_0", "DOWN"), new RdmaDeviceFacts("rxe0", "ACTIVE", ["fe80:0000:0000:0000:5054:00ff:fe12:3456"])],
            options => options.WithStrictOrdering());
        facts.Rdma.LockedMemoryBytes.Should().Be(65536);
        facts.SharedMemory!.Folder.Should().Be(Path.Combine(root.Path, "dev", "shm"));
    }

    [Fact]
    public void A_bare_system_has_nothing()
    {
        using Root root = new();
        root.Write("proc/self/limits", "Max locked memory         unlimited            unlimited            bytes\n");

        MachineFacts facts = LinuxFacts.AddTo(Empty, root.Path);

        facts.Rdma!.Devices.Should().BeEmpty();
        facts.Rdma.LockedMemoryBytes.Should().BeNull();
        facts.SharedMemory!.IsWritable.Should().BeFalse();
    }

    private sealed class Root : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("exo-doctor-").FullName;

        public void Write(string name, string text)
        {
            string path = System.IO.Path.Combine(Path, name);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
