using System.Diagnostics;
using System.Text.Json;
using Exo.Sdk.Models;
using Exo.Sdk.Tests.Golden;
using Exo.Sdk.Transport;

namespace Exo.Sdk.Mlx.Tests.Support;

/// <summary>One rank in a process of its own, because MLX keeps one group a process.</summary>
internal static class RankProcess
{
    private static readonly JsonSerializerOptions Json = new() { IncludeFields = true };

    /// <summary>What a rank is told on its command line.</summary>
    /// <param name="Rank">The rank.</param>
    /// <param name="Size">The number of ranks.</param>
    /// <param name="Folder">The model.</param>
    /// <param name="Rounds">How often the model is loaded and run.</param>
    /// <param name="DiesAfter">Steps after which the process ends itself, or −1.</param>
    /// <param name="StepTimeoutSeconds">The longest a step may take.</param>
    internal sealed record Order(int Rank, int Size, string Folder, int Rounds, int DiesAfter, double StepTimeoutSeconds);

    /// <summary>What a rank answers.</summary>
    /// <param name="Error">The largest relative error of its logits.</param>
    /// <param name="Tokens">The likeliest next tokens after the prompt.</param>
    /// <param name="Exception">The type of the exception that ended it, or null.</param>
    /// <param name="LostRank">The rank that the exception names, or −1.</param>
    /// <param name="Seconds">How long its last step took.</param>
    internal sealed record Answer(double Error, int[] Tokens, string? Exception, int LostRank, double Seconds, string Message = "");

    /// <summary>Runs the ranks of a model, each in a process, over MLX's ring; the answers in rank order, null of a rank that gave none.</summary>
    internal static Answer?[] Start(string folder, int size, int rounds = 1, int rankThatDies = -1, double stepTimeoutSeconds = 60)
    {
        Process[] processes = [.. Enumerable.Range(0, size).Select(rank => Start(
            new Order(rank, size, folder, rounds, rank == rankThatDies ? 5 : -1, stepTimeoutSeconds)))];
        try
        {
            string[] addresses = [.. processes.Select(process => process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("A rank has no address."))];
            foreach (Process process in processes)
            {
                process.StandardInput.WriteLine(JsonSerializer.Serialize(addresses));
            }

            return [.. processes.Select(process =>
            {
                Task<string?> line = process.StandardOutput.ReadLineAsync();
                line.Wait(TimeSpan.FromSeconds(90)).Should().BeTrue("a rank must not hang");
                return line.Result is { } text ? JsonSerializer.Deserialize<Answer>(text, Json) : null;
            })];
        }
        finally
        {
            foreach (Process process in processes)
            {
                process.Kill();
                process.WaitForExit();
                process.Dispose();
            }
        }
    }

    public static int Run(string[] args)
    {
        Order order = JsonSerializer.Deserialize<Order>(args[0], Json)!;
        TcpTransport transport = new();
        ITransportEndpoint endpoint = transport.OpenAsync(new TransportOptions()).AsTask().GetAwaiter().GetResult();
        Console.WriteLine(endpoint.Address);
        string[] addresses = JsonSerializer.Deserialize<string[]>(Console.ReadLine()!)!;
        Stopwatch lastStep = Stopwatch.StartNew();
        Answer answer;
        try
        {
            using ICollective group = endpoint.ConnectAsync(new GroupDescription
            {
                Epoch = 1,
                Rank = order.Rank,
                Addresses = addresses,
                Deadline = TimeSpan.FromSeconds(30),
            }).AsTask().GetAwaiter().GetResult();
            answer = Enumerable.Range(0, order.Rounds).Select(_ => RunOnce(order, group, lastStep)).Last();
        }
        catch (ExoException error)
        {
            answer = new Answer(-1, [], error.GetType().Name, (error as PeerLostException)?.LostRank ?? -1, lastStep.Elapsed.TotalSeconds, error.Message);
        }

        Console.WriteLine(JsonSerializer.Serialize(answer, Json));
        _ = Console.ReadLine();
        return 0;
    }

    private static Answer RunOnce(Order order, ICollective group, Stopwatch lastStep)
    {
        GoldenExpectation expected = GoldenExpectation.Read(order.Folder);
        using var weights = SafetensorsWeightSource.Open(order.Folder);
        ModelSpec spec = ModelSpecReader.Read(order.Folder, weights);
        MlxBackend backend = new(new MlxBackendOptions
        {
            Collectives = MlxCollectives.Ring,
            StepTimeout = TimeSpan.FromSeconds(order.StepTimeoutSeconds),
        });
        using IModelShard shard = backend.LoadAsync(
            spec, Ranks.Divide(spec, [.. Enumerable.Repeat(1.0, order.Size)])[order.Rank], weights, group, Ranks.Options).AsTask().GetAwaiter().GetResult();
        using Watched watched = new(shard, lastStep, order.DiesAfter);
        float[][] forced = Ranks.TeacherForced(watched, spec.VocabularySize, expected.Prompt, expected.Continuation);
        float[][] chosen = Ranks.TeacherForced(watched, spec.VocabularySize, expected.Prompt, expected.Greedy[..^1]);
        return order.Rank == 0
            ? new Answer(LogitError.Largest(forced, expected.Logits), [.. chosen.Select(static row => row.AsSpan().IndexOf(row.Max()))], null, -1, 0)
            : new Answer(0, [], null, -1, 0);
    }

    private static Process Start(Order order)
    {
        string host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        ProcessStartInfo start = new(host) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.ArgumentList.Add("exec");
        start.ArgumentList.Add(typeof(RankProcess).Assembly.Location);
        start.ArgumentList.Add(JsonSerializer.Serialize(order, Json));
        return Process.Start(start)!;
    }

    /// <summary>Times every step, and ends the process in the middle of a generation where that is asked for.</summary>
    private sealed class Watched(IModelShard shard, Stopwatch lastStep, int diesAfter) : IModelShard
    {
        private int _steps;

        public Exo.Sdk.Planning.ShardAssignment Assignment => shard.Assignment;

        public ShardMemory Memory => shard.Memory;

        public void Allocate(int slot) => shard.Allocate(slot);

        public void Fork(int source, int target) => shard.Fork(source, target);

        public void Truncate(int slot, int length) => shard.Truncate(slot, length);

        public void Free(int slot) => shard.Free(slot);

        public void Forward(in StepBatch batch, Span<float> logits)
        {
            lastStep.Restart();
            if (_steps++ == diesAfter)
            {
                Process.GetCurrentProcess().Kill();
            }

            shard.Forward(batch, logits);
        }

        public void Dispose()
        {
        }
    }
}
