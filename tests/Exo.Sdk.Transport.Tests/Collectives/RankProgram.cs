using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Transport.Tests.Collectives;

/// <summary>A rank in a process of its own, which sums for ever: this assembly, started as a program.</summary>
internal static class RankProgram
{
    private const int Length = 1000;

    /// <summary>Arguments: transport, rank. It writes its address, reads all addresses, writes a line when it has summed once.</summary>
    public static async Task<int> Main(string[] arguments)
    {
        await using ITransportEndpoint endpoint = await RankGroup.Transport(arguments[0]).OpenAsync(new TransportOptions());
        Console.WriteLine(endpoint.Address);
        string[] addresses = Console.In.ReadLine()!.Split(' ');
        using ICollective group = await endpoint.ConnectAsync(Describe(int.Parse(arguments[1]), addresses, TimeSpan.FromSeconds(20)));
        float[] values = new float[Length];
        for (long round = 0; ; round++)
        {
            group.AllReduceSum(values);
            if (round == 0)
            {
                Console.WriteLine("summed");
            }
        }
    }

    public static GroupDescription Describe(int rank, string[] addresses, TimeSpan deadline) =>
        new() { Epoch = 11, Rank = rank, Addresses = addresses, Secret = new byte[] { 5 }, Deadline = deadline };

    /// <summary>Sums until that fails; returns why.</summary>
    public static Exception SumUntilItFails(ICollective group)
    {
        float[] values = new float[Length];
        try
        {
            while (true)
            {
                group.AllReduceSum(values);
            }
        }
        catch (ExoException failure)
        {
            return failure;
        }
    }

    public static Process Start(string transport, int rank)
    {
        string assembly = typeof(RankProgram).Assembly.Location;
        ProcessStartInfo command = new(Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet")))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (string argument in new[] { "exec", assembly, transport, $"{rank}" })
        {
            command.ArgumentList.Add(argument);
        }

        return Process.Start(command)!;
    }
}
