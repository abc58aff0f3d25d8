using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Cpu.Tests.Support;

/// <summary>A group whose ranks are threads of this process. Once its buffers have grown it allocates nothing; every wait has a deadline.</summary>
internal sealed class ThreadGroup
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly byte[][] _parts;
    private readonly byte[][] _mail;
    private readonly int[] _mailLength;
    private int _arrived;
    private int _round;

    private ThreadGroup(int size)
    {
        _parts = [.. Enumerable.Repeat(Array.Empty<byte>(), size)];
        _mail = [.. Enumerable.Repeat(Array.Empty<byte>(), size)];
        _mailLength = [.. Enumerable.Repeat(-1, size)];
    }

    public static ICollective[] Create(int size)
    {
        ThreadGroup group = new(size);
        return [.. Enumerable.Range(0, size).Select(rank => new Member(group, rank))];
    }

    /// <summary>Runs one action per rank, each on its own thread, and rethrows the first error.</summary>
    public static void Run(int size, Action<int> action)
    {
        ExceptionDispatchInfo?[] errors = new ExceptionDispatchInfo?[size];
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                action(rank);
            }
            catch (Exception error)
            {
                errors[rank] = ExceptionDispatchInfo.Capture(error);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join(TimeSpan.FromMinutes(2)).Should().BeTrue());
        errors.FirstOrDefault(error => error is not null)?.Throw();
    }

    private static void Copy(ReadOnlySpan<byte> source, ref byte[] target)
    {
        if (target.Length < source.Length)
        {
            target = new byte[source.Length];
        }

        source.CopyTo(target);
    }

    private void Meet()
    {
        int round = Volatile.Read(ref _round);
        if (Interlocked.Increment(ref _arrived) == _parts.Length)
        {
            _arrived = 0;
            Volatile.Write(ref _round, round + 1);
            return;
        }

        long start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref _round) == round)
        {
            Pause(start);
        }
    }

    private static void Pause(long start)
    {
        Thread.Yield();
        if (Stopwatch.GetElapsedTime(start) > Deadline)
        {
            throw new TimeoutException("A rank waits for another in vain.");
        }
    }

    private sealed class Member(ThreadGroup group, int rank) : ICollective
    {
        public int Rank => rank;

        public int Size => group._parts.Length;

        public ulong Epoch => 1;

        // Between the meetings every rank reads all parts.
        public void AllReduceSum(Span<float> values)
        {
            Copy(MemoryMarshal.AsBytes(values), ref group._parts[rank]);
            group.Meet();
            values.Clear();
            foreach (byte[] part in group._parts)
            {
                ReadOnlySpan<float> addends = MemoryMarshal.Cast<byte, float>(part);
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] += addends[i];
                }
            }

            group.Meet();
        }

        // Only rank 0 receives in a shard, so one letter box per sender is enough.
        public void Send(ReadOnlySpan<byte> message, int peer)
        {
            if (peer != 0)
            {
                throw new NotSupportedException();
            }

            long start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref group._mailLength[rank]) >= 0)
            {
                Pause(start);
            }

            Copy(message, ref group._mail[rank]);
            Volatile.Write(ref group._mailLength[rank], message.Length);
        }

        public void Receive(Span<byte> message, int peer)
        {
            long start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref group._mailLength[peer]) < 0)
            {
                Pause(start);
            }

            if (group._mailLength[peer] != message.Length)
            {
                throw new InvalidOperationException($"A message of {group._mailLength[peer]} bytes is received as {message.Length}.");
            }

            group._mail[peer].AsSpan(0, message.Length).CopyTo(message);
            Volatile.Write(ref group._mailLength[peer], -1);
        }

        public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts) => throw new NotSupportedException();

        public void Broadcast(Span<byte> message, int root) => throw new NotSupportedException();

        public void Barrier() => group.Meet();

        public void WaitForMessage(int peer) => throw new NotSupportedException();

        public void Abort(int lostRank, string reason) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
