namespace Exo.Sdk;

/// <summary>Which ranks a transport can connect. A cluster chooses among transports by it. Immutable.</summary>
public sealed record TransportReach
{
    /// <summary>Whatever an ordinary network reaches, ranks of one machine included.</summary>
    public static TransportReach Anywhere { get; } = new();

    /// <summary>How far apart ranks may be.</summary>
    public TransportScope Scope { get; init; } = TransportScope.Machines;

    /// <summary>Whether it is worth taking only where ranks are on different machines, as RDMA is.</summary>
    public bool IsForSeveralMachines { get; init; }

    /// <summary>
    /// The networks that this machine's devices are on, in CIDR notation, for example <c>10.0.1.0/24</c>: two ranks reach each other if
    /// they have one in common. Null where the transport needs no devices of its own; empty where there are none.
    /// </summary>
    public IReadOnlyList<string>? Networks { get; init; }
}

/// <summary>How far apart the ranks of a group may be.</summary>
public enum TransportScope
{
    /// <summary>Threads of one process.</summary>
    Process,

    /// <summary>Processes of one machine.</summary>
    Machine,

    /// <summary>Any machines that reach each other.</summary>
    Machines,
}
