using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.SharedMemory;

/// <summary>How the ranks of a group find their file and know that it is theirs.</summary>
/// <param name="Name">16 random bytes that name the file.</param>
/// <param name="Token">32 random bytes that it begins with.</param>
internal readonly record struct SharedMemoryKey(byte[] Name, byte[] Token)
{
    /// <summary>The length of <see cref="Name"/>.</summary>
    public const int NameByteCount = 16;

    /// <summary>The length of <see cref="Token"/>.</summary>
    public const int TokenByteCount = 32;
}

/// <summary>
/// The memory-mapped file of a group: a token (32 bytes), a flag for each rank that blocks (each on cache lines of its
/// own, from byte 128), and the rings of all ordered pairs. Where everything lies follows from the number of
/// ranks alone, and nothing is read from the file to find it.
/// </summary>
internal sealed unsafe class SharedMemoryFile : IDisposable
{
    private const int Line = 128;
    private const string NamePrefix = "exo-";

    /// <summary>A name is there for as long as a group connects, so one of this age was left by a process that was killed meanwhile.</summary>
    private static readonly TimeSpan Stale = TimeSpan.FromDays(2);

    private readonly string _path;
    private readonly int _size;
    private readonly int _capacity;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;

    private SharedMemoryFile(string path, FileStream stream, int size)
    {
        _path = path;
        _size = size;
        _capacity = RingMemory.CapacityFor(size);
        _file = MemoryMappedFile.CreateFromFile(
            stream, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor(0, ByteCount(size));
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <summary>Where files are made unless a test says otherwise: in memory where the system has such a folder.</summary>
    public static string DefaultFolder { get; } =
        OperatingSystem.IsLinux() && Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    /// <summary>How the peers find this file.</summary>
    public SharedMemoryKey Key { get; private init; }

    /// <summary>Makes a file that only this user can open.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="size">The number of ranks.</param>
    /// <returns>The mapped file, zeroed but for its token.</returns>
    /// <exception cref="UnavailableException">It cannot be made, sized or mapped.</exception>
    public static SharedMemoryFile Create(string folder, int size)
    {
        SharedMemoryKey key = new(
            RandomNumberGenerator.GetBytes(SharedMemoryKey.NameByteCount),
            RandomNumberGenerator.GetBytes(SharedMemoryKey.TokenByteCount));
        string path = PathOf(folder, key);
        RemoveStale(folder);
        try
        {
            FileStreamOptions options = Options(FileMode.CreateNew);
            options.PreallocationSize = ByteCount(size); // Full memory is an error here, and not a signal at the first touch.
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            FileStream stream = new(path, options);
            try
            {
                stream.SetLength(ByteCount(size));
                SharedMemoryFile file = new(path, stream, size) { Key = key };
                key.Token.CopyTo(file.Token);
                return file;
            }
            catch
            {
                stream.Dispose();
                File.Delete(path);
                throw;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new UnavailableException(
                $"A memory-mapped file of {ByteCount(size) >> 10} KiB cannot be made in {folder}: {failure.Message} Make room there (in a container, enlarge /dev/shm), or use TCP.",
                failure);
        }
    }

    /// <summary>Opens the file that another rank made.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="key">How to find it.</param>
    /// <param name="size">The number of ranks.</param>
    /// <returns>The mapped file.</returns>
    /// <exception cref="UnavailableException">It cannot be opened, or is not the one.</exception>
    public static SharedMemoryFile Open(string folder, SharedMemoryKey key, int size)
    {
        string path = PathOf(folder, key);
        try
        {
            FileStream stream = new(path, Options(FileMode.Open));
            try
            {
                if (stream.Length != ByteCount(size))
                {
                    throw new UnavailableException($"{path} has {stream.Length} bytes where a group of {size} ranks has {ByteCount(size)}.");
                }

                SharedMemoryFile file = new(path, stream, size) { Key = key };
                if (CryptographicOperations.FixedTimeEquals(file.Token, key.Token))
                {
                    return file;
                }

                file.Dispose();
                throw new UnavailableException($"{path} is not this group's file.");
            }
            catch
            {
                stream.Dispose();
                throw;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new UnavailableException(
                $"The group's memory-mapped file {path} cannot be opened: {failure.Message} All ranks must run as one user and see the same folder; between containers use TCP.",
                failure);
        }
    }

    /// <summary>Where a rank says that it blocks: not 0 while it does.</summary>
    /// <param name="rank">The rank.</param>
    /// <returns>The flag.</returns>
    public ref int Waiting(int rank) => ref *(int*)(_start + ((1 + rank) * Line));

    /// <summary>The ring from one rank to another.</summary>
    /// <param name="from">The writing rank.</param>
    /// <param name="to">The reading rank, another one.</param>
    /// <returns>The ring's first byte.</returns>
    public byte* Ring(int from, int to) =>
        _start + ((1 + _size) * Line) + ((long)RingMemory.ByteCount(_capacity) * ((from * (_size - 1)) + (to < from ? to : to - 1)));

    /// <summary>Makes the writing side of a ring.</summary>
    /// <param name="from">The writing rank.</param>
    /// <param name="to">The reading rank.</param>
    /// <returns>The ring's side; it must not be used after <see cref="Dispose"/>.</returns>
    public RingWriter Writer(int from, int to) => new(Ring(from, to), _capacity);

    /// <summary>Makes the reading side of a ring.</summary>
    /// <param name="from">The writing rank.</param>
    /// <param name="to">The reading rank.</param>
    /// <returns>The ring's side; it must not be used after <see cref="Dispose"/>.</returns>
    public RingReader Reader(int from, int to) => new(Ring(from, to), _capacity);

    /// <summary>Removes the file's name. Those that have it open keep it; on Windows it goes with the last of them.</summary>
    public void Unlink()
    {
        if (!OperatingSystem.IsWindows())
        {
            File.Delete(_path);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_view.SafeMemoryMappedViewHandle.IsClosed)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
        }
    }

    private Span<byte> Token => new(_start, SharedMemoryKey.TokenByteCount);

    private static long ByteCount(int size) =>
        ((1 + size) * Line) + ((long)size * (size - 1) * RingMemory.ByteCount(RingMemory.CapacityFor(size)));

    private static string PathOf(string folder, SharedMemoryKey key) => Path.Combine(folder, $"{NamePrefix}{Convert.ToHexStringLower(key.Name)}");

    private static void RemoveStale(string folder)
    {
        try
        {
            foreach (FileInfo file in new DirectoryInfo(folder).EnumerateFiles($"{NamePrefix}*"))
            {
                string name = file.Name[NamePrefix.Length..];
                if (name.Length == 2 * SharedMemoryKey.NameByteCount && name.All(char.IsAsciiHexDigitLower) && DateTime.UtcNow - file.LastWriteTimeUtc > Stale)
                {
                    file.Delete();
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Another user's, or the folder is not there; whoever makes a file in it will say so.
        }
    }

    private static FileStreamOptions Options(FileMode mode) => new()
    {
        Mode = mode,
        Access = FileAccess.ReadWrite,
        Share = FileShare.ReadWrite | FileShare.Delete,
        BufferSize = 0,
        Options = OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None,
    };
}
