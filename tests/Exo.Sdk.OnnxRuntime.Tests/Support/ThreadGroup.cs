using System.Runtime.InteropServices;

namespace Exo.Sdk.OnnxRuntime.Tests.Support;

/// <summary>A group whose ranks are threads of this process. Every wait has a deadline.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "The barrier holds no native handle.")]
internal sealed class ThreadGroup
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly Barrier _barrier;
    private readonly byte[][] _parts;
    private readonly byte[]?[] _mail;

    private ThreadGroup(int size)
    {
        _barrier = new Barrier(size);
        _parts = new byte[size][];
        _mail = new byte[size][];
    }

    public static ICollective[] Create(int size)
    {
        ThreadGroup group = new(size);
        return [.. Enumerable.Range(0, size).Select(rank => new Member(group, rank))];
    }

    /// <summary>Runs one action per rank, each on its own thread, and rethrows the first error.</summary>
    public static void Run(int size, Action<int> action)
    {
        Exception?[] errors = new Exception?[size];
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                action(rank);
            }
            catch (Exception error)
            {
                errors[rank] = error;
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join(TimeSpan.FromMinutes(2)).Should().BeTrue());
        errors.FirstOrDefault(error => error is not null)?.Throw();
    }

    private sealed class Member(ThreadGroup group, int rank) : ICollective
    {
        public int Rank => rank;

        public int Size => group._parts.Length;

        public ulong Epoch => 1;

        public void AllReduceSum(Span<float> values)
        {
            byte[][] parts = Exchange(MemoryMarshal.AsBytes(values));
            values.Clear();
            foreach (byte[] part in parts)
            {
                ReadOnlySpan<float> addends = MemoryMarshal.Cast<byte, float>(part);
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] += addends[i];
                }
            }
        }

        public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts) => throw new NotSupportedException();

        public void Broadcast(Span<byte> message, int root) => throw new NotSupportedException();

        // Only rank 0 receives in a shard, so one letter box per sender is enough.
        public void Send(ReadOnlySpan<byte> message, int peer)
        {
            peer.Should().Be(0);
            lock (group._mail)
            {
                while (group._mail[rank] is not null)
                {
                    Monitor.Wait(group._mail, Deadline).Should().BeTrue();
                }

                group._mail[rank] = message.ToArray();
                Monitor.PulseAll(group._mail);
            }
        }

        public void Receive(Span<byte> message, int peer)
        {
            lock (group._mail)
            {
                while (group._mail[peer] is null)
                {
                    Monitor.Wait(group._mail, Deadline).Should().BeTrue();
                }

                group._mail[peer]!.Length.Should().Be(message.Length);
                group._mail[peer].CopyTo(message);
                group._mail[peer] = null;
                Monitor.PulseAll(group._mail);
            }
        }

        public void Barrier() => group._barrier.SignalAndWait(Deadline).Should().BeTrue();

        public void WaitForMessage(int peer) => throw new NotSupportedException();

        public void Abort(int lostRank, string reason) => throw new NotSupportedException();

        public void Dispose()
        {
        }

        // Between the barriers every rank reads all parts.
        private byte[][] Exchange(ReadOnlySpan<byte> mine)
        {
            group._parts[rank] = mine.ToArray();
            Barrier();
            byte[][] parts = [.. group._parts];
            Barrier();
            return parts;
        }
    }
}

internal static class Errors
{
    /// <summary>Rethrows an error of another thread as it was.</summary>
    public static void Throw(this Exception error) => System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
}
