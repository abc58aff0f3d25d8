using System.Diagnostics;

namespace Exo.Sdk.Testing.Conformance.Collectives;

/// <summary>What a group does when a rank is lost.</summary>
internal static class LossChecks
{
    public static async Task NoticesALeavingRank(GroupSource groups, Action<string> log)
    {
        using TestGroup group = await groups.ConnectAsync(3).ConfigureAwait(false);
        long left = 0;
        TimeSpan[] noticed = new TimeSpan[3];
        IReadOnlyList<Exception?> failures = group.Catch(collective =>
        {
            collective.Barrier();
            if (collective.Rank == 1)
            {
                Volatile.Write(ref left, Stopwatch.GetTimestamp());
                collective.Dispose();
                return;
            }

            try
            {
                collective.AllReduceSum(new float[100_000]);
            }
            finally
            {
                noticed[collective.Rank] = Stopwatch.GetElapsedTime(Volatile.Read(ref left));
            }
        });
        Expect.Equal(failures[1], null, "what the leaving rank throws");
        foreach (int rank in (int[])[0, 2])
        {
            Expect.Equal(Lost(failures[rank]).LostRank, 1, "the lost rank");
            log($"rank {rank}: noticed after {noticed[rank].TotalMilliseconds:F1} ms");
            Expect.Within(noticed[rank], groups.Options.NoticeWithin, "the loss noticed");
        }

        Expect.Equal(Expect.Throws<PeerLostException>(group.Ranks[0].Barrier, "any later operation").LostRank, 1, "the lost rank, later,");
        Expect.Throws<ObjectDisposedException>(group.Ranks[1].Barrier, "an operation of the rank that left");
    }

    public static async Task DeliversWhatWasSentBefore(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(2).ConfigureAwait(false);
        byte[] message = GroupSource.Bytes(10_000, 1);
        byte[] received = new byte[10_000];
        group.Run(collective =>
        {
            if (collective.Rank == 0)
            {
                collective.Send(message, 1);
                collective.Dispose();
                return;
            }

            collective.WaitForMessage(0);
            collective.Receive(received, 0);
        });
        Expect.Same<byte>(received, message, "the bytes that were sent");
        Expect.Equal(Expect.Throws<PeerLostException>(() => group.Ranks[1].WaitForMessage(0), "a wait for a rank that left").LostRank, 0, "the lost rank");
    }

    public static async Task GivesUpASilentRank(GroupSource groups, Action<string> log)
    {
        TimeSpan deadline = TimeSpan.FromMilliseconds(300);
        using TestGroup group = await groups.ConnectAsync(3, deadline).ConfigureAwait(false);
        using CountdownEvent others = new(2);
        TimeSpan[] waited = new TimeSpan[3];
        IReadOnlyList<Exception?> failures = group.Catch(collective =>
        {
            if (collective.Rank == 2)
            {
                others.Wait(groups.Options.Patience); // Alive, but not in the operation.
                return;
            }

            long start = Stopwatch.GetTimestamp();
            try
            {
                collective.AllReduceSum(new float[500_000]);
            }
            finally
            {
                waited[collective.Rank] = Stopwatch.GetElapsedTime(start);
                others.Signal();
            }
        });
        foreach (int rank in (int[])[0, 1])
        {
            Expect.Equal(Lost(failures[rank]).LostRank, 2, "the lost rank");
            log($"rank {rank}: given up after {waited[rank].TotalMilliseconds:F1} ms");
            Expect.Within(waited[rank], deadline + groups.Options.NoticeWithin, "the silent rank given up");
        }

        TimeSpan longest = waited.Max();
        Expect.That(longest >= deadline, $"nobody given up before the deadline of {deadline.TotalMilliseconds:F0} ms", $"{longest.TotalMilliseconds:F0} ms");
        Expect.Equal(
            Expect.Throws<PeerLostException>(group.Ranks[2].Barrier, "an operation of the rank that was given up").LostRank, 2, "the rank that must not go on");
    }

    public static async Task DoesNotBlameTheMessenger(GroupSource groups)
    {
        // Rank 0 finds rank 2 lost while rank 1 waits for rank 0 alone.
        using TestGroup group = await groups.ConnectAsync(3).ConfigureAwait(false);
        IReadOnlyList<Exception?> failures = group.Catch(collective =>
        {
            switch (collective.Rank)
            {
                case 0:
                    collective.Receive(new byte[1], 2);
                    break;
                case 1:
                    collective.WaitForMessage(0);
                    break;
                default:
                    collective.Dispose();
                    break;
            }
        });
        Expect.Equal(Lost(failures[0]).LostRank, 2, "the rank that rank 0 lost");
        Expect.Equal(Lost(failures[1]).LostRank, 2, "the rank that rank 1 lost");
    }

    public static async Task NamesARankTornAway(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(4).ConfigureAwait(false);
        group.Run(static collective => collective.Barrier());
        IReadOnlyList<Exception?> failures = group.Catch(static collective =>
        {
            // Rank 3 enters the sums, then another thread tears it away.
            using Timer? timer = collective.Rank == 3 ? new Timer(_ => collective.Dispose(), null, 20, Timeout.Infinite) : null;
            while (true)
            {
                collective.AllReduceSum(new float[1_000_000]);
            }
        });
        Expect.Is<ObjectDisposedException>(failures[3], "a sum that Dispose ends");
        foreach (Exception? failure in failures.Take(3))
        {
            Expect.Equal(Lost(failure).LostRank, 3, "the lost rank");
        }
    }

    public static async Task AbortsEveryWait(GroupSource groups, Action<string> log)
    {
        using TestGroup group = await groups.ConnectAsync(3).ConfigureAwait(false);
        using CountdownEvent entered = new(3);
        long aborted = 0;
        Thread aborter = new(() =>
        {
            entered.Wait(groups.Options.Patience);
            Volatile.Write(ref aborted, Stopwatch.GetTimestamp());
            group.Ranks[0].Abort(2, "its heartbeat stopped");
            group.Ranks[0].Abort(1, "too late");
        });
        aborter.Start();
        IReadOnlyList<Exception?> failures = group.Catch(collective =>
        {
            entered.Signal();
            switch (collective.Rank)
            {
                case 0:
                    collective.WaitForMessage(1);
                    break;
                case 1:
                    collective.Receive(new byte[1], 0);
                    break;
                default:
                    collective.Barrier();
                    break;
            }
        });
        TimeSpan ended = Stopwatch.GetElapsedTime(Volatile.Read(ref aborted));
        aborter.Join();
        log($"all ranks ended {ended.TotalMilliseconds:F1} ms after the abort");
        Expect.Within(ended, groups.Options.NoticeWithin, "the end of all waits");
        foreach (Exception? failure in failures)
        {
            Expect.Equal(Lost(failure).LostRank, 2, "the rank that the first abort named, which");
        }

        Expect.Equal(Lost(failures[0]).Reason, "its heartbeat stopped", "the reason on the rank that was aborted");
    }

    public static async Task AbortsTheNextOperation(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(2).ConfigureAwait(false);
        group.Ranks[0].Abort(1, "gone");
        IReadOnlyList<Exception?> failures = group.Catch(static collective => collective.AllReduceSum(new float[1]));
        Expect.Equal(Lost(failures[0]).Reason, "gone", "the reason");
        Expect.Equal(Lost(failures[1]).LostRank, 1, "the lost rank");
    }

    public static async Task WaitsWithoutADeadline(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(2, TimeSpan.FromMilliseconds(100)).ConfigureAwait(false);
        using ManualResetEventSlim sent = new();
        group.Run(collective =>
        {
            if (collective.Rank == 0)
            {
                Thread.Sleep(400);
                sent.Set();
                collective.Send([1], 1);
            }
            else
            {
                collective.WaitForMessage(0);
                Expect.That(sent.IsSet, "a wait until the message comes", "an end before it");
                collective.Receive(new byte[1], 0);
            }
        });
    }

    private static PeerLostException Lost(Exception? failure) => Expect.Is<PeerLostException>(failure, "a rank that loses another");
}
