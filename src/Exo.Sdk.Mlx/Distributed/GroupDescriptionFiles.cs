using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Exo.Sdk.Mlx.Distributed;

/// <summary>
/// What MLX reads of a group: a file in a private temporary folder, and the variables that point at it. Disposing removes the folder.
/// </summary>
internal sealed class GroupDescriptionFiles : IDisposable
{
    private readonly string _folder;

    private GroupDescriptionFiles(string name, JsonNode content, Func<string, Dictionary<string, string>> variables)
    {
        // Readable by this user alone.
        _folder = Directory.CreateTempSubdirectory("exo-mlx-").FullName;
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, content.ToJsonString(new JsonSerializerOptions()));
        Variables = variables(path);
    }

    /// <summary>The variables to set while the group is connected.</summary>
    internal IReadOnlyDictionary<string, string> Variables { get; }

    /// <summary>A ring over TCP: every rank listens where its left neighbor reaches it.</summary>
    /// <exception cref="UnavailableException">Two neighbors share no network.</exception>
    internal static GroupDescriptionFiles Ring(int rank, RankOffer[] offers) => new("hosts.json", RingHosts(offers), path => new()
    {
        ["MLX_HOSTFILE"] = path,
        ["MLX_RANK"] = rank.ToString(CultureInfo.InvariantCulture),
    });

    /// <summary>A group over RDMA: who reaches whom through which devices, and where rank 0 listens to bring them together.</summary>
    /// <exception cref="UnavailableException">This rank shares no network with rank 0.</exception>
    internal static GroupDescriptionFiles Jaccl(
        int rank, RankOffer[] offers, IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> devices) => new("devices.json", JacclDevices(devices), path => new()
        {
            ["MLX_IBV_DEVICES"] = path,
            ["MLX_JACCL_COORDINATOR"] = Coordinator(rank, offers),
            ["MLX_RANK"] = rank.ToString(CultureInfo.InvariantCulture),
        });

    /// <summary>The host file of a ring.</summary>
    internal static JsonArray RingHosts(RankOffer[] offers)
    {
        JsonArray hosts = [];
        for (int rank = 0; rank < offers.Length; rank++)
        {
            int left = (rank + offers.Length - 1) % offers.Length;
            string address = HostAddress.Reach(offers[left], offers[rank]) ?? throw HostAddress.NoWay(left, rank, offers);
            hosts.Add((JsonNode)new JsonArray((JsonNode)string.Create(CultureInfo.InvariantCulture, $"{address}:{offers[rank].Port}")));
        }

        return hosts;
    }

    /// <summary>The device file of a group over RDMA: null for the rank itself, a name or several for a peer.</summary>
    internal static JsonArray JacclDevices(IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> devices) => new([.. devices.Select(
        row => (JsonNode)new JsonArray([.. row.Select(Cell)]))]);

    /// <summary>Where rank 0 listens, as a rank reaches it.</summary>
    internal static string Coordinator(int rank, RankOffer[] offers)
    {
        // Rank 0 listens where rank 1 finds it; the others look for the same port.
        int from = rank == 0 ? Math.Min(1, offers.Length - 1) : rank;
        string address = HostAddress.Reach(offers[from], offers[0]) ?? throw HostAddress.NoWay(from, 0, offers);
        return string.Create(CultureInfo.InvariantCulture, $"{(rank == 0 && address != "127.0.0.1" ? "0.0.0.0" : address)}:{offers[0].Port}");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static JsonNode? Cell(IReadOnlyList<string> names) => names.Count switch
    {
        0 => null,
        1 => (JsonNode)names[0],
        _ => new JsonArray([.. names.Select(name => (JsonNode)name)]),
    };
}
