using System.Runtime.InteropServices;

namespace Exo.Sdk.Rdma.Native;

/// <summary>Sleeps until a completion queue has news: the system's <c>poll</c> over the queues' event descriptors. Linux and macOS.</summary>
internal static unsafe partial class EventPoll
{
    private const short Readable = 1;

    /// <summary>Waits for news of one descriptor.</summary>
    /// <param name="descriptor">The event descriptor of a completion queue.</param>
    public static Entry For(int descriptor) => new() { Descriptor = descriptor, Events = Readable };

    /// <summary>Waits until one has news or time is up.</summary>
    /// <param name="entries">What to wait for.</param>
    /// <param name="milliseconds">The longest time.</param>
    public static void Wait(Span<Entry> entries, int milliseconds)
    {
        fixed (Entry* first = entries)
        {
            _ = Poll(first, (nuint)entries.Length, milliseconds);
        }
    }

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(Entry* entries, nuint count, int milliseconds);

    /// <summary>The layout of the system's <c>pollfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Entry
    {
        public int Descriptor;
        public short Events;
        public short Answer;
    }
}
