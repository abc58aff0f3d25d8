using Exo.Sdk.Parts;
using Exo.Sdk.Transport.SharedMemory;
using Exo.Sdk.Transport.Tcp;

namespace Exo.Sdk.Transport;

/// <summary>
/// Groups whose ranks are processes of one machine, over rings in a memory-mapped file. The ranks meet over TCP on
/// loopback and prove the group's secret there; the connections stay, to wake a rank that blocks and to notice
/// the death of one. Collectives run on the calling thread and poll for <see cref="Spin"/> before they block. Thread-safe.
/// </summary>
/// <remarks>
/// The file is private to the user, lies in <c>/dev/shm</c> on Linux and in the folder for temporary files elsewhere, and
/// has no name any more once all ranks have opened it: nothing is left, however the ranks end. A group takes
/// 256 KiB for each ordered pair of up to 4 ranks and 64 KiB beyond.
/// </remarks>
public sealed class SharedMemoryTransport : ITransport, IChildProcessPart
{
    private const string Scheme = "shared-memory:";

    /// <summary>How long a collective polls before it blocks: 100 µs by default. Zero blocks at once.</summary>
    public TimeSpan Spin { get; init; } = TimeSpan.FromMicroseconds(100);

    /// <inheritdoc/>
    public string Name => "shared-memory";

    /// <summary>The folder in which the file is made: <c>/dev/shm</c> on Linux, else the one for temporary files. All ranks must see the same.</summary>
    public string Folder { get; init; } = SharedMemoryFile.DefaultFolder;

    /// <summary>Whether to make the system's socket calls where they can be made; tests turn it off.</summary>
    internal bool UseNativeCalls { get; init; } = NativeSocket.IsAvailable;

    /// <inheritdoc/>
    public string DescribeOptions() => PartOptions.Describe(new SharedMemoryOptions(Spin, Folder, UseNativeCalls), TransportJson.Default.SharedMemoryOptions);

    /// <inheritdoc/>
    public IChildProcessPart WithOptions(string options)
    {
        SharedMemoryOptions given = PartOptions.Read(options, TransportJson.Default.SharedMemoryOptions, Name);
        return new SharedMemoryTransport
        {
            Spin = PartOptions.RequireTime(given.Spin, Name, nameof(Spin)),
            Folder = given.Folder.Length > 0 && !given.Folder.Contains('\0', StringComparison.Ordinal)
                ? given.Folder
                : throw new ConfigurationException($"{nameof(Folder)} of {Name} is no path."),
            UseNativeCalls = given.UseNativeCalls && NativeSocket.IsAvailable,
        };
    }

    /// <inheritdoc/>
    public TransportReach Reach() => new() { Scope = TransportScope.Machine };

    /// <inheritdoc/>
    /// <remarks>It makes a small file, maps it and removes it.</remarks>
    public Availability Probe()
    {
        Availability loopback = new TcpTransport().Probe();
        if (!loopback.IsAvailable)
        {
            return Availability.No($"The ranks meet over loopback: {loopback.Reason}");
        }

        try
        {
            using SharedMemoryFile file = SharedMemoryFile.Create(Folder, size: 2);
            file.Unlink();
            return Availability.Yes($"rings in a memory-mapped file in {Folder}");
        }
        catch (UnavailableException failure)
        {
            return Availability.No(failure.Message);
        }
    }

    /// <inheritdoc/>
    /// <remarks>It listens on loopback, whatever host the options name: all ranks are on this machine.</remarks>
    public ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        TcpTransport meeting = new() { Spin = Spin, UseNativeCalls = UseNativeCalls };
        return ValueTask.FromResult(meeting.OpenMeetingPoint(
            new TransportOptions { Port = options.Port },
            Scheme,
            (met, group, token) => SharedMemoryRendezvous.Run(met, group, Folder, token)));
    }
}
