using System.Text;
using Exo.Sdk.Mlx.Native;

namespace Exo.Sdk.Mlx.Distributed;

/// <summary>
/// MLX's own group of ranks. MLX keeps one for the whole life of a process, so a process belongs to at most one, and a later shard may use
/// it again only together with the same processes.
/// </summary>
internal sealed class MlxGroup
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<(MlxApi Api, string Backend), MlxGroup> Connected = [];

    private readonly string _backend;
    private readonly string _session;

    private MlxGroup(MlxGroupHandle handle, string backend, string session, TimeSpan stepTimeout)
    {
        Handle = handle;
        _backend = backend;
        _session = session;
        StepTimeout = stepTimeout;
    }

    internal MlxGroupHandle Handle { get; }

    /// <summary>The longest a step may take.</summary>
    internal TimeSpan StepTimeout { get; }

    /// <summary>Connects the group, or finds it connected; every rank calls it. Called on the shard's thread.</summary>
    /// <param name="api">The library.</param>
    /// <param name="options">Which kind of group.</param>
    /// <param name="group">Our own group, over which the ranks tell each other where they are.</param>
    /// <exception cref="UnavailableException">The group cannot be connected.</exception>
    internal static MlxGroup Connect(MlxApi api, MlxBackendOptions options, ICollective group)
    {
        string backend = NameOf(options.Collectives);
        MlxGroup? existing;
        lock (Gate)
        {
            Connected.TryGetValue((api, backend), out existing);
        }

        // A fresh session's name is rank 0's to choose.
        string proposal = Guid.NewGuid().ToString("N");
        bool needsCables = options.Collectives == MlxCollectives.Jaccl && options.RdmaDevices is null;
        RankOffer[] offers = RankOffer.Exchange(group, RankOffer.OfThisProcess(
            existing?._session ?? (group.Rank == 0 ? "+" + proposal : ""), needsCables ? RdmaCabling.ReadPorts() : null));
        if (offers.DistinctBy(offer => (offer.Machine, offer.ProcessId)).Count() < offers.Length)
        {
            throw new UnavailableException(
                $"MLX keeps one {backend} group a process, and several ranks are threads of one. Start each rank as a process of its own, "
                + "or use MlxCollectives.Cluster.");
        }

        bool isNew = offers[0].Session.StartsWith('+') && offers.Skip(1).All(offer => offer.Session.Length == 0);
        if (isNew)
        {
            return Connect(api, options, group, backend, offers);
        }

        return existing is not null && offers.All(offer => offer.Session == offers[0].Session)
            ? new MlxGroup(existing.Handle, backend, existing._session, options.StepTimeout)
            : throw new UnavailableException(
                $"MLX keeps one {backend} group for the life of a process, and the processes of this group belong to different ones. "
                + "Restart the nodes, or use the cluster's own group.");
    }

    /// <summary>What to throw where a step did not end in time; finds out over our own group whether a rank is lost.</summary>
    internal ExoException Stalled(ICollective group)
    {
        try
        {
            group.Barrier();
        }
        catch (PeerLostException lost)
        {
            return lost;
        }

        return new BackendException(
            $"MLX's {_backend} group did not finish a step within {StepTimeout.TotalSeconds:0.#} s although every rank answers over the cluster's group. "
            + "Raise MlxBackendOptions.StepTimeout if a step may take longer, or use MlxCollectives.Cluster.");
    }

    /// <summary>MLX's name for a kind of group.</summary>
    internal static string NameOf(MlxCollectives collectives) => collectives == MlxCollectives.Jaccl ? "jaccl" : "ring";

    private static unsafe MlxGroup Connect(MlxApi api, MlxBackendOptions options, ICollective group, string backend, RankOffer[] offers)
    {
        using GroupDescriptionFiles files = options.Collectives == MlxCollectives.Jaccl
            ? GroupDescriptionFiles.Jaccl(group.Rank, offers, options.RdmaDevices ?? RdmaCabling.Devices([.. offers.Select(offer => offer.Cables ?? [])]))
            : GroupDescriptionFiles.Ring(group.Rank, offers);
        MlxGroupHandle handle = default;
        NativeEnvironment.With(files.Variables, () =>
        {
            fixed (byte* name = Encoding.UTF8.GetBytes(backend + '\0'))
            {
                handle = api.ConnectGroup(name);
            }
        });
        if (handle.Context == 0)
        {
            throw new UnavailableException(
                $"MLX cannot connect its {backend} group as rank {group.Rank} of {group.Size}: {MlxErrors.Take() ?? "it gives no reason"}.");
        }

        if (api.GroupRank(handle) != group.Rank || api.GroupSize(handle) != group.Size)
        {
            throw new UnavailableException(
                $"MLX's {backend} group has this process as rank {api.GroupRank(handle)} of {api.GroupSize(handle)}, and the cluster has it as rank "
                + $"{group.Rank} of {group.Size}: a group of this process was connected before, with others. Restart the node.");
        }

        MlxGroup connected = new(handle, backend, offers[0].Session.TrimStart('+'), options.StepTimeout);
        lock (Gate)
        {
            Connected[(api, backend)] = connected;
        }

        return connected;
    }
}
