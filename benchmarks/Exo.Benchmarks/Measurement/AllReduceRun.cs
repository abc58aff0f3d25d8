using System.Diagnostics;
using System.Text.Json;
using Exo.Sdk;
using Exo.Sdk.Cpu.Threading;
using Exo.Sdk.Transport;

namespace Exo.Benchmarks.Measurement;

/// <summary>Latency of all-reduce by size: ranks that are processes of this machine, or threads of one process.</summary>
internal static class AllReduceRun
{
    private const int Epoch = 1;

    /// <summary>Enough for the runtime to have compiled everything for the last time.</summary>
    private const int WarmUpRounds = 2000;
    private const int WarmUpBytes = 128 << 20;

    public static readonly int[] Sizes = [2 << 10, 4 << 10, 8 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20];

    /// <summary>Ranks in processes of their own.</summary>
    /// <returns>Median microseconds by size.</returns>
    public static async Task<IReadOnlyList<double>> BetweenProcessesAsync(
        Wires wires, int ranks, IReadOnlyList<int> sizes, TimeSpan perSize, CancellationToken cancellationToken)
    {
        string list = string.Join(',', sizes);
        SelfProcess[] processes = [.. Enumerable.Range(0, ranks).Select(rank =>
            SelfProcess.Start("measure", "allreduce-rank", wires.Transport, $"{wires.Precision}", wires.Algorithm, $"{rank}", list, $"{(int)perSize.TotalMilliseconds}"))];
        try
        {
            string[] addresses = await Task.WhenAll(processes.Select(process => process.ReadLineAsync(cancellationToken)));
            foreach (SelfProcess process in processes)
            {
                await process.WriteLineAsync(string.Join(' ', addresses));
            }

            string[] results = await Task.WhenAll(processes.Select(process => process.ReadLineAsync(cancellationToken)));
            return JsonSerializer.Deserialize<double[]>(results[0])!;
        }
        finally
        {
            foreach (SelfProcess process in processes)
            {
                process.Dispose();
            }
        }
    }

    /// <summary>One rank's process: tells its address, is told all, measures, tells its medians.</summary>
    public static async Task RunRankAsync(Wires wires, int rank, IReadOnlyList<int> sizes, TimeSpan perSize, CancellationToken cancellationToken)
    {
        await using ITransportEndpoint endpoint = await wires.Open().OpenAsync(new TransportOptions(), cancellationToken);
        Console.WriteLine(endpoint.Address);
        string[] addresses = (await Console.In.ReadLineAsync(cancellationToken))!.Split(' ');
        double[] medians = await MeasureAsync(wires, endpoint, addresses, rank, sizes, perSize, cancellationToken);
        Console.WriteLine(JsonSerializer.Serialize(medians));
    }

    /// <summary>Ranks on threads of this process.</summary>
    /// <returns>Median microseconds by size.</returns>
    public static async Task<IReadOnlyList<double>> InProcessAsync(int ranks, IReadOnlyList<int> sizes, TimeSpan perSize, CancellationToken cancellationToken)
    {
        InProcessTransport transport = new();
        List<ITransportEndpoint> endpoints = [];
        for (int rank = 0; rank < ranks; rank++)
        {
            endpoints.Add(await transport.OpenAsync(new TransportOptions(), cancellationToken));
        }

        string[] addresses = [.. endpoints.Select(static endpoint => endpoint.Address)];
        double[][] medians = await Task.WhenAll(endpoints.Select((endpoint, rank) =>
            Task.Run(() => MeasureAsync(Wires.Threads, endpoint, addresses, rank, sizes, perSize, cancellationToken), cancellationToken)));
        foreach (ITransportEndpoint endpoint in endpoints)
        {
            await endpoint.DisposeAsync();
        }

        return medians[0];
    }

    private static async Task<double[]> MeasureAsync(
        Wires wires, ITransportEndpoint endpoint, string[] addresses, int rank, IReadOnlyList<int> sizes, TimeSpan perSize, CancellationToken cancellationToken)
    {
        using ICollective group = await endpoint.ConnectAsync(
            new GroupDescription { Epoch = Epoch, Rank = rank, Addresses = addresses, WirePrecision = wires.Precision }, cancellationToken);

        // A thread of its own, as a shard's: the operations spin.
        double[] medians = new double[sizes.Count];
        await Task.Factory.StartNew(
            () =>
            {
                if (wires != Wires.Threads)
                {
                    // Only in a rank's own process: what awaits the end may go on on this thread, and processes started from it inherit its binding.
                    ProcessorAffinity.TryBind(rank % Environment.ProcessorCount);
                }

                for (int i = 0; i < medians.Length; i++)
                {
                    medians[i] = Measure(wires.Reduction(group), group, sizes[i], perSize);
                }
            },
            cancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        return medians;
    }

    private static double Measure(Reduction reduce, ICollective group, int bytes, TimeSpan duration)
    {
        float[] values = new float[bytes / sizeof(float)];
        for (int i = 0; i < Math.Clamp(WarmUpBytes / bytes, 20, WarmUpRounds); i++)
        {
            reduce(values);
        }

        // Every rank must do as many rounds: rank 0 says how many fit.
        Span<byte> count = stackalloc byte[sizeof(int)];
        long began = Stopwatch.GetTimestamp();
        reduce(values);
        BitConverter.TryWriteBytes(count, Math.Clamp((int)(duration / Stopwatch.GetElapsedTime(began)), 50, 20_000));
        group.Broadcast(count, 0);

        double[] microseconds = new double[BitConverter.ToInt32(count)];
        for (int i = 0; i < microseconds.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            reduce(values);
            microseconds[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        return Median.Of(microseconds);
    }
}
