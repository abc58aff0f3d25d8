using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Exo.Sdk.Mlx.Distributed;

/// <summary>What a rank tells the others before MLX's group is connected.</summary>
/// <param name="Session">The group that this process already belongs to, or an empty text.</param>
/// <param name="Machine">Equal for processes of one machine.</param>
/// <param name="ProcessId">Tells processes of one machine apart.</param>
/// <param name="Port">A free TCP port.</param>
/// <param name="Addresses">IPv4 addresses with their prefix lengths, for example <c>192.168.1.2/24</c>.</param>
/// <param name="Cables">The machine's Thunderbolt ports where they matter.</param>
internal sealed record RankOffer(
    string Session, string Machine, int ProcessId, int Port, IReadOnlyList<string> Addresses, IReadOnlyList<ThunderboltPort>? Cables = null)
{
    private const int MaxBytes = 1 << 16;

    /// <summary>This process's offer.</summary>
    /// <param name="session">The group it belongs to.</param>
    /// <param name="cables">The machine's Thunderbolt ports where they matter.</param>
    internal static RankOffer OfThisProcess(string session, IReadOnlyList<ThunderboltPort>? cables = null)
    {
        using TcpListener listener = new(IPAddress.Any, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        const string BootId = "/proc/sys/kernel/random/boot_id";
        string machine = Environment.MachineName + (File.Exists(BootId) ? "/" + File.ReadAllText(BootId).Trim() : "");
        return new RankOffer(session, machine, Environment.ProcessId, port, [.. LocalAddresses()], cables);
    }

    /// <summary>Tells every rank this rank's offer and hears theirs, in rank order.</summary>
    /// <exception cref="ProtocolException">A rank sends something else.</exception>
    internal static RankOffer[] Exchange(ICollective group, RankOffer mine)
    {
        byte[] own = JsonSerializer.SerializeToUtf8Bytes(mine, RankOfferJson.Default.RankOffer);
        RankOffer[] offers = new RankOffer[group.Size];
        byte[] length = new byte[sizeof(int)];
        for (int rank = 0; rank < group.Size; rank++)
        {
            BitConverter.TryWriteBytes(length, own.Length);
            group.Broadcast(length, rank);
            int count = BitConverter.ToInt32(length);
            if (count is <= 0 or > MaxBytes)
            {
                throw new ProtocolException($"Rank {rank} announces {count} bytes to describe itself; 1 to {MaxBytes} are expected.");
            }

            byte[] message = rank == group.Rank ? own : new byte[count];
            group.Broadcast(message, rank);
            offers[rank] = Read(message, rank);
        }

        return offers;
    }

    private static RankOffer Read(byte[] message, int rank)
    {
        try
        {
            RankOffer offer = JsonSerializer.Deserialize(message, RankOfferJson.Default.RankOffer) ?? throw new JsonException("it is null");
            bool isWhole = offer is { Session: not null, Machine: not null, Addresses: not null, Port: > 0 and <= ushort.MaxValue }
                && offer.Addresses.All(address => address is not null && IPNetwork.TryParse(HostAddress.NetworkOf(address), out _))
                && (offer.Cables ?? []).All(port => port is { Domain: not null });
            return isWhole ? offer : throw new JsonException("a part is missing or out of range");
        }
        catch (JsonException error)
        {
            throw new ProtocolException($"Rank {rank} does not describe itself as expected: {error.Message}", error);
        }
    }

    private static IEnumerable<string> LocalAddresses() =>
        from network in NetworkInterface.GetAllNetworkInterfaces()
        where network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback
        from address in network.GetIPProperties().UnicastAddresses
        where address.Address.AddressFamily == AddressFamily.InterNetwork
        select $"{address.Address}/{address.PrefixLength}";
}

[JsonSerializable(typeof(RankOffer))]
internal sealed partial class RankOfferJson : JsonSerializerContext;
