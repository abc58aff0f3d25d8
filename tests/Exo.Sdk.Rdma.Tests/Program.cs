using System.Globalization;

namespace Exo.Sdk.Rdma.Tests;

/// <summary>
/// What runs when the tests are started as a program: a rank of its own process, so that a test can kill it.
/// <c>peer CONNECTION DEVICE RANK SIZE VALUES</c>; the addresses of all ranks come on standard input, one a line, after
/// this rank's own has gone out on standard output.
/// </summary>
public static class Program
{
    public static async Task<int> Main(string[] arguments)
    {
        if (arguments is not ["peer", var connection, var device, var rank, var size, var values])
        {
            await Console.Error.WriteLineAsync("This is a test library: run it with 'dotnet test'.");
            return 2;
        }

        RdmaTransport transport = new(new RdmaOptions { Connection = Enum.Parse<RdmaConnection>(connection), Devices = [device] });
        await using ITransportEndpoint endpoint = await transport.OpenAsync(new TransportOptions());
        Console.WriteLine(endpoint.Address);
        int count = int.Parse(size, CultureInfo.InvariantCulture);
        string[] addresses = new string[count];
        for (int i = 0; i < count; i++)
        {
            addresses[i] = Console.ReadLine() ?? throw new EndOfStreamException();
        }

        using ICollective group = await endpoint.ConnectAsync(new GroupDescription
        {
            Epoch = 5,
            Rank = int.Parse(rank, CultureInfo.InvariantCulture),
            Addresses = addresses,
            Secret = new byte[] { 9 },
        });
        Console.WriteLine("connected");
        float[] vector = new float[int.Parse(values, CultureInfo.InvariantCulture)];
        while (true)
        {
            group.AllReduceSum(vector);
        }
    }
}
