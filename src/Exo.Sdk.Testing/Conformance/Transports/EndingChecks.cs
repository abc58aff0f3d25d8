using System.Diagnostics;

namespace Exo.Sdk.Testing.Conformance.Transports;

/// <summary>How connects end that do not come about, and what is left of them.</summary>
internal static class EndingChecks
{
    public static async Task GivesUpARankThatDoesNotCome(EndpointSource source, Action<string> log)
    {
        // Rank 1 of each pair is there to be dialed, or to dial, and never does.
        foreach (int present in (int[])[0, 1])
        {
            using Endpoints endpoints = await source.OpenAsync(2).ConfigureAwait(false);
            GroupDescription group = endpoints.Describe(present, source.Options) with { ConnectTimeout = TimeSpan.FromMilliseconds(300) };
            long start = Stopwatch.GetTimestamp();
            PeerLostException lost = await Expect.ThrowsAsync<PeerLostException>(
                () => endpoints.All[present].ConnectAsync(group).AsTask().WaitAsync(source.Options.Patience), "a connect to a rank that does not come").ConfigureAwait(false);
            TimeSpan waited = Stopwatch.GetElapsedTime(start);
            log($"rank {present}: given up after {waited.TotalMilliseconds:F0} ms: {lost.Message}");
            Expect.Equal(lost.LostRank, 1 - present, "the rank that did not come");
            Expect.Within(waited, group.ConnectTimeout + source.Options.NoticeWithin, "the end of the connect");
        }
    }

    public static async Task CancelsAConnect(EndpointSource source, Action<string> log)
    {
        using Endpoints endpoints = await source.OpenAsync(2).ConfigureAwait(false);
        foreach (int rank in (int[])[0, 1])
        {
            using CancellationTokenSource cancel = new();
            Task<ICollective> connecting = endpoints.All[rank].ConnectAsync(endpoints.Describe(rank, source.Options), cancel.Token).AsTask();
            await Task.Delay(50, CancellationToken.None).ConfigureAwait(false);
            long start = Stopwatch.GetTimestamp();
            await cancel.CancelAsync().ConfigureAwait(false);
            await Expect.ThrowsAsync<OperationCanceledException>(() => connecting.WaitAsync(source.Options.Patience), "a canceled connect").ConfigureAwait(false);
            log($"rank {rank}: ended {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F1} ms after it was canceled");
            Expect.Within(Stopwatch.GetElapsedTime(start), source.Options.NoticeWithin, "the end of a canceled connect");
            await Expect.ThrowsAsync<OperationCanceledException>(
                () => endpoints.All[rank].ConnectAsync(endpoints.Describe(rank, source.Options), cancel.Token).AsTask(), "a connect with a canceled token").ConfigureAwait(false);
        }

        ICollective[] ranks = await endpoints.ConnectAsync(source.Options, static group => group with { Epoch = 6 }).ConfigureAwait(false);
        Parallel.ForEach(ranks, static rank => rank.Barrier());
        Parallel.ForEach(ranks, static rank => rank.Dispose());
    }

    public static async Task DisposesAnEndpoint(EndpointSource source, Action<string> log)
    {
        using Endpoints endpoints = await source.OpenAsync(2).ConfigureAwait(false);
        foreach (int rank in (int[])[0, 1])
        {
            Task<ICollective> connecting = endpoints.All[rank].ConnectAsync(endpoints.Describe(rank, source.Options)).AsTask();
            await Task.Delay(50).ConfigureAwait(false);
            long start = Stopwatch.GetTimestamp();
            await endpoints.All[rank].DisposeAsync().AsTask().WaitAsync(source.Options.Patience).ConfigureAwait(false);
            await Expect.ThrowsAsync<ObjectDisposedException>(() => connecting.WaitAsync(source.Options.Patience), "a connect whose endpoint is disposed").ConfigureAwait(false);
            log($"rank {rank}: ended {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F1} ms after its endpoint was disposed");
            Expect.Within(Stopwatch.GetElapsedTime(start), source.Options.NoticeWithin, "the end of a connect whose endpoint is disposed");
            await endpoints.All[rank].DisposeAsync().ConfigureAwait(false);
            await Expect.ThrowsAsync<ObjectDisposedException>(
                () => endpoints.All[rank].ConnectAsync(endpoints.Describe(rank, source.Options)).AsTask(), "a connect of a disposed endpoint").ConfigureAwait(false);
        }
    }

    public static async Task LeavesNothingBehind(EndpointSource source, Action<string> log)
    {
        const int Rounds = 10;
        await LiveAndDie(source).ConfigureAwait(false); // Loads what the first group loads for good.
        await LiveAndDie(source).ConfigureAwait(false);
        (int descriptors, int threads) = Held();
        for (int round = 0; round < Rounds; round++)
        {
            await LiveAndDie(source).ConfigureAwait(false);
        }

        // What ends on a thread of its own takes a moment; the pool may have grown by a few threads.
        SpinWait.SpinUntil(() => Held().Descriptors <= descriptors && Held().Threads <= threads + Environment.ProcessorCount, TimeSpan.FromSeconds(5));
        (int descriptorsAfter, int threadsAfter) = Held();
        log($"{descriptors} descriptors and {threads} threads before, {descriptorsAfter} and {threadsAfter} after {Rounds} rounds");
        Expect.That(descriptorsAfter < descriptors + Rounds, $"about {descriptors} descriptors, as before", $"{descriptorsAfter}");
        Expect.That(threadsAfter < threads + Rounds + Environment.ProcessorCount, $"about {threads} threads, as before", $"{threadsAfter}");
    }

    /// <summary>A group that ends in good order, one that is aborted, a connect that fails, one that is canceled.</summary>
    private static async Task LiveAndDie(EndpointSource source)
    {
        using (TestGroup orderly = await TestGroup.ConnectAsync(source.Transport, 3, patience: source.Options.Patience).ConfigureAwait(false))
        {
            orderly.Run(static collective => collective.Barrier());
        }

        using (TestGroup aborted = await TestGroup.ConnectAsync(source.Transport, 3, patience: source.Options.Patience).ConfigureAwait(false))
        {
            aborted.Ranks[0].Abort(1, "gone");
            IReadOnlyList<Exception?> failures = aborted.Catch(static collective => collective.Barrier());
            Expect.That(failures.All(static failure => failure is PeerLostException), "every rank of an aborted group to fail", "one that does not");
        }

        using Endpoints alone = await source.OpenAsync(2).ConfigureAwait(false);
        GroupDescription brief = alone.Describe(0, source.Options) with { ConnectTimeout = TimeSpan.FromMilliseconds(30) };
        await Expect.ThrowsAsync<PeerLostException>(() => alone.All[0].ConnectAsync(brief).AsTask(), "a connect to nobody").ConfigureAwait(false);
        using CancellationTokenSource cancel = new(TimeSpan.FromMilliseconds(30));
        await Expect.ThrowsAsync<OperationCanceledException>(
            () => alone.All[1].ConnectAsync(alone.Describe(1, source.Options), cancel.Token).AsTask(), "a canceled connect").ConfigureAwait(false);
    }

    private static (int Descriptors, int Threads) Held()
    {
        using Process self = Process.GetCurrentProcess();
        int descriptors = OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd").Length : self.HandleCount;
        return (descriptors, self.Threads.Count);
    }
}
