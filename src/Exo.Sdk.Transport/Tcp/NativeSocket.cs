using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Transport.Tcp;

/// <summary>
/// The three system calls that a spinning rank lives on, without the layers of <see cref="System.Net.Sockets.Socket"/>:
/// header and payload go out and come in with one call, and one wait covers all peers. Linux and macOS.
/// </summary>
internal static unsafe partial class NativeSocket
{
    /// <summary>Readable; as asked for and as answered.</summary>
    public const short PollIn = 1;

    /// <summary>Writable; as asked for and as answered.</summary>
    public const short PollOut = 4;

    private const int InterruptedCall = 4;

    private static readonly int WouldBlock = OperatingSystem.IsLinux() ? 11 : 35;

    /// <summary>Whether the calls can be made here.</summary>
    public static bool IsAvailable { get; } = Try();

    /// <summary>Sends what the socket takes.</summary>
    /// <param name="descriptor">A non-blocking socket.</param>
    /// <param name="head">The first bytes.</param>
    /// <param name="body">The bytes behind them.</param>
    /// <param name="error">The system's error number, or 0.</param>
    /// <returns>The number of bytes, 0 where the socket is full, or −1 for an error.</returns>
    public static int Send(int descriptor, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, out int error)
    {
        fixed (byte* first = head, second = body)
        {
            Part* parts = stackalloc Part[2];
            int count = Fill(parts, first, head.Length, second, body.Length);
            while (true)
            {
                nint sent = WriteVector(descriptor, parts, count);
                if (sent >= 0)
                {
                    error = 0;
                    return (int)sent;
                }

                error = Marshal.GetLastPInvokeError();
                if (error != InterruptedCall)
                {
                    return error == WouldBlock ? 0 : -1;
                }
            }
        }
    }

    /// <summary>Receives what is there.</summary>
    /// <param name="descriptor">A non-blocking socket.</param>
    /// <param name="head">Filled first.</param>
    /// <param name="body">Filled next; together with <paramref name="head"/> not empty.</param>
    /// <param name="error">The system's error number, or 0 for the end of the stream.</param>
    /// <returns>The number of bytes, 0 where none are there yet, or −1 for the end of the stream or an error.</returns>
    public static int Receive(int descriptor, Span<byte> head, Span<byte> body, out int error)
    {
        fixed (byte* first = head, second = body)
        {
            Part* parts = stackalloc Part[2];
            int count = Fill(parts, first, head.Length, second, body.Length);
            while (true)
            {
                nint received = ReadVector(descriptor, parts, count);
                if (received >= 0)
                {
                    error = 0;
                    return received == 0 ? -1 : (int)received;
                }

                error = Marshal.GetLastPInvokeError();
                if (error != InterruptedCall)
                {
                    return error == WouldBlock ? 0 : -1;
                }
            }
        }
    }

    /// <summary>Waits until a socket is ready or time is up.</summary>
    /// <param name="entries">The sockets with what to wait for; the answers are written into them.</param>
    /// <param name="milliseconds">The longest time.</param>
    public static void Poll(Span<PollEntry> entries, int milliseconds)
    {
        fixed (PollEntry* first = entries)
        {
            _ = PollCall(first, (nuint)entries.Length, milliseconds);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Fill(Part* parts, byte* first, int firstLength, byte* second, int secondLength)
    {
        int count = 0;
        if (firstLength > 0)
        {
            parts[count++] = new Part { Start = first, Length = (nuint)firstLength };
        }

        if (secondLength > 0)
        {
            parts[count++] = new Part { Start = second, Length = (nuint)secondLength };
        }

        return count;
    }

    private static bool Try()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return false;
        }

        try
        {
            return PollCall(null, 0, 0) == 0;
        }
        catch (Exception missing) when (missing is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "writev", SetLastError = true)]
    private static partial nint WriteVector(int descriptor, Part* parts, int count);

    [LibraryImport("libc", EntryPoint = "readv", SetLastError = true)]
    private static partial nint ReadVector(int descriptor, Part* parts, int count);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int PollCall(PollEntry* entries, nuint count, int milliseconds);

    /// <summary>One socket of a wait; the layout of the system's <c>pollfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollEntry
    {
        /// <summary>The socket.</summary>
        public int Descriptor;

        /// <summary>What to wait for.</summary>
        public short Events;

        /// <summary>What happened; errors and hang-ups are reported unasked.</summary>
        public short Answer;
    }

    /// <summary>A piece of memory; the layout of the system's <c>iovec</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Part
    {
        public byte* Start;
        public nuint Length;
    }
}
