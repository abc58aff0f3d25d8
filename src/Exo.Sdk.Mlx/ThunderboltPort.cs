using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Exo.Sdk.Mlx;

/// <summary>A Thunderbolt port of a Mac and what is at the other end of its cable.</summary>
/// <param name="Receptacle">The number that macOS gives the socket.</param>
/// <param name="Interface">The network interface of the port, for example <c>en5</c>; null where macOS lists none.</param>
/// <param name="Domain">The identity of this end.</param>
/// <param name="SpeedGigabits">The speed in Gb/s that macOS states: of the link where there is one, else the most the port can do; 0 where it states none.</param>
/// <param name="IsConnected">Whether something is plugged in.</param>
/// <param name="PeerName">The Mac at the other end, by name; null where there is none.</param>
/// <param name="PeerDomain">The identity of the other end; null where there is none.</param>
public sealed record ThunderboltPort(
    int Receptacle, string? Interface, string Domain, int SpeedGigabits, bool IsConnected, string? PeerName, string? PeerDomain)
{
    private const int MaxPorts = 64;

    /// <summary>The RDMA device of the port, for example <c>rdma_en5</c>; null where the port has no interface.</summary>
    [JsonIgnore]
    public string? RdmaDevice => Interface is null ? null : "rdma_" + Interface;

    /// <summary>Reads the ports from what macOS prints.</summary>
    /// <param name="systemProfiler">The output of <c>system_profiler SPThunderboltDataType -json</c>.</param>
    /// <param name="hardwarePorts">The output of <c>networksetup -listallhardwareports</c>.</param>
    /// <returns>The ports in the order of their receptacles.</returns>
    /// <exception cref="FormatException">The first text is not what that command prints.</exception>
    public static IReadOnlyList<ThunderboltPort> Parse(string systemProfiler, string hardwarePorts)
    {
        ArgumentNullException.ThrowIfNull(systemProfiler);
        Dictionary<string, string> interfaces = ParseHardwarePorts(hardwarePorts);
        try
        {
            using JsonDocument document = JsonDocument.Parse(systemProfiler);
            List<ThunderboltPort> ports = [];
            foreach (JsonElement bus in document.RootElement.GetProperty("SPThunderboltDataType").EnumerateArray().Take(MaxPorts))
            {
                if (Text(bus, "domain_uuid_key") is { } domain && bus.TryGetProperty("receptacle_1_tag", out JsonElement receptacle)
                    && int.TryParse(Text(receptacle, "receptacle_id_key"), CultureInfo.InvariantCulture, out int number))
                {
                    ports.Add(Read(bus, receptacle, number, domain, interfaces));
                }
            }

            return [.. ports.OrderBy(port => port.Receptacle)];
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"This is not what 'system_profiler SPThunderboltDataType -json' prints: {error.Message}", error);
        }
    }

    private static ThunderboltPort Read(JsonElement bus, JsonElement receptacle, int number, string domain, Dictionary<string, string> interfaces)
    {
        JsonElement peer = bus.TryGetProperty("_items", out JsonElement items) && items.ValueKind == JsonValueKind.Array
            ? items.EnumerateArray().FirstOrDefault(item => Text(item, "domain_uuid_key") is not null)
            : default;
        bool hasPeer = peer.ValueKind == JsonValueKind.Object;

        // "receptacle_connected", or "receptacle_no_devices_connected".
        string status = Text(receptacle, "receptacle_status_key") ?? "";
        bool isConnected = hasPeer || (status.Contains("connected", StringComparison.Ordinal) && !status.Contains("no_devices", StringComparison.Ordinal));
        return new ThunderboltPort(
            number,
            interfaces.GetValueOrDefault(string.Create(CultureInfo.InvariantCulture, $"Thunderbolt {number}")),
            domain,
            Speed(Text(receptacle, "current_speed_key") ?? ""),
            isConnected,
            hasPeer ? Text(peer, "_name") : null,
            hasPeer ? Text(peer, "domain_uuid_key") : null);
    }

    // "80 Gb/s", or "Up to 120 Gb/s".
    private static int Speed(string text)
    {
        string digits = new([.. text.SkipWhile(letter => !char.IsAsciiDigit(letter)).TakeWhile(char.IsAsciiDigit)]);
        return int.TryParse(digits, CultureInfo.InvariantCulture, out int speed) ? speed : 0;
    }

    private static Dictionary<string, string> ParseHardwarePorts(string text)
    {
        Dictionary<string, string> interfaces = new(StringComparer.Ordinal);
        string port = "";
        foreach (string line in (text ?? "").Split('\n', StringSplitOptions.TrimEntries))
        {
            if (line.StartsWith("Hardware Port: ", StringComparison.Ordinal))
            {
                port = line["Hardware Port: ".Length..];
            }
            else if (line.StartsWith("Device: ", StringComparison.Ordinal) && port.Length > 0)
            {
                interfaces[port] = line["Device: ".Length..];
            }
        }

        return interfaces;
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
