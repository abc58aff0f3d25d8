using Exo.Sdk.Control;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Nodes;

/// <summary>What a host's orders may say. Whatever does not hold is refused with its name, what was found and what may be.</summary>
internal static class OrderRules
{
    private const int LongestText = 4096;

    /// <summary>Checks a host's first words.</summary>
    /// <returns>The heartbeats that hold for the session.</returns>
    /// <exception cref="ProtocolException">They cannot hold.</exception>
    public static HeartbeatOptions Check(HostHello hello, NodeLimits limits)
    {
        if (hello.Version != ControlMessage.ProtocolVersion)
        {
            throw new ProtocolException(
                $"The host speaks control protocol {hello.Version}, this node {ControlMessage.ProtocolVersion}; use the same version of Exo SDK on both.");
        }

        RequireSeconds(hello.TimeoutSeconds, limits.MaxSilence, "heartbeat timeout");
        RequireSeconds(hello.IntervalSeconds, TimeSpan.FromSeconds(hello.TimeoutSeconds / 3), "heartbeat interval");
        return new HeartbeatOptions
        {
            Interval = TimeSpan.FromSeconds(hello.IntervalSeconds),
            Timeout = TimeSpan.FromSeconds(hello.TimeoutSeconds),
        };
    }

    /// <summary>Checks an order to open a model.</summary>
    /// <exception cref="ProtocolException">A text of it is too long.</exception>
    public static void Check(OpenOrder order)
    {
        RequireText(order.ModelFolder, "model folder");
        RequireText(order.Fingerprint, "fingerprint");
        RequireText(order.Backend, "backend");
        RequireText(order.Transport, "transport");
    }

    /// <summary>Checks an order to load, first against the node's limits, then against the model that the node has read itself.</summary>
    /// <param name="order">The order.</param>
    /// <param name="spec">The model.</param>
    /// <param name="limits">The node's limits.</param>
    /// <param name="boundsWindows">Whether the backend holds no more of a window's cache than the window.</param>
    /// <exception cref="ProtocolException">A number of it is out of range, or its assignment does not fit the model.</exception>
    /// <exception cref="PlanRefusedException">The shard does not fit the node's memory.</exception>
    public static void Check(LoadOrder order, ModelSpec spec, NodeLimits limits, bool boundsWindows)
    {
        if (order.Epoch == 0)
        {
            throw new ProtocolException("The order's epoch is 0; expected a positive number.");
        }

        RequireRange(order.Addresses.Length, 1, limits.MaxRanks, "ranks");
        foreach (string? address in order.Addresses)
        {
            RequireText(address, "address");
        }

        RequireSeconds(order.ConnectSeconds, limits.MaxConnectTimeout, "connect timeout");
        RequireSeconds(order.DeadlineSeconds, limits.MaxDeadline, "deadline of collectives");
        RequireDefined(order.WirePrecision);
        ShardOptions options = order.Options;
        RequireRange(options.ThreadCount, 1, limits.MaxThreads, "threads");
        RequireRange(options.MaxSequences, 1, limits.MaxSequences, "sequences");
        RequireRange(options.MaxBatchTokens, options.MaxSequences, limits.MaxBatchTokens, "tokens of a step");
        RequireRange(options.ContextLength, 1, Math.Min(limits.MaxContextLength, spec.MaxContextLength), "tokens of context");
        RequireDefined(options.Activations);
        RequireDefined(options.KeyValues);
        if (options.Processors is { } processors)
        {
            RequireRange(processors.Count, 0, options.ThreadCount, "bound processors");
            foreach (int processor in processors)
            {
                RequireRange(processor, 0, Environment.ProcessorCount - 1, "processor number");
            }
        }

        AssignmentRules.Check(order.Assignment, spec, order.Addresses.Length);
        RequireMemory(order, spec, limits, boundsWindows);
    }

    private static void RequireMemory(LoadOrder order, ModelSpec spec, NodeLimits limits, bool boundsWindows)
    {
        PlanRequest request = new()
        {
            Devices = [],
            ContextLength = order.Options.ContextLength,
            MaxSequences = order.Options.MaxSequences,
            MaxBatchTokens = order.Options.MaxBatchTokens,
            KeyValues = order.Options.KeyValues,
            BoundsWindows = boundsWindows,
        };
        Int128 weights = ShardFootprint.Weights(spec, order.Assignment);
        Int128 keyValues = ShardFootprint.Cache(spec, order.Assignment, request);
        Int128 need = weights + keyValues + ShardFootprint.Activations(spec, order.Assignment, request);
        if (need > limits.MaxMemory)
        {
            throw new PlanRefusedException(
            [
                $"the shard takes {need} bytes ({weights} of weights, {keyValues} of keys and values); this node gives {limits.MaxMemory}",
                "ask for less context or fewer sequences, or give this rank a smaller share",
            ]);
        }
    }

    private static void RequireRange(int found, int least, int most, string what)
    {
        if (found < least || found > most)
        {
            throw new ProtocolException($"The order asks for {found} {what}; this node takes {least} to {most}.");
        }
    }

    private static void RequireSeconds(double found, TimeSpan most, string what)
    {
        if (!(found >= 0.001 && found <= most.TotalSeconds))
        {
            throw new ProtocolException($"The order's {what} is {found} s; this node takes 0.001 to {most.TotalSeconds} s.");
        }
    }

    private static void RequireText(string? text, string what)
    {
        if (text is null || text.Length > LongestText)
        {
            throw new ProtocolException(
                $"The order's {what} {(text is null ? "is missing" : $"has {text.Length} characters")}; expected at most {LongestText} characters.");
        }
    }

    private static void RequireDefined<T>(T value)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            throw new ProtocolException($"The order's {typeof(T).Name} {value} is unknown; known are {string.Join(", ", Enum.GetNames<T>())}.");
        }
    }
}
