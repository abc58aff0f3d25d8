using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Nodes;

/// <summary>What an assignment that comes over the wire must keep to, so that it fits the model that this node has read itself.</summary>
internal static class AssignmentRules
{
    /// <summary>Checks an assignment.</summary>
    /// <param name="assignment">The assignment.</param>
    /// <param name="spec">This node's model.</param>
    /// <param name="worldSize">How many ranks the order names.</param>
    /// <exception cref="ProtocolException">It does not fit.</exception>
    public static void Check(ShardAssignment assignment, ModelSpec spec, int worldSize)
    {
        if (assignment.WorldSize != worldSize || assignment.Rank < 0 || assignment.Rank >= worldSize)
        {
            throw Misfit(assignment, $"it is for rank {assignment.Rank} of {assignment.WorldSize}, and there are {worldSize}");
        }

        int queryHeads = spec.CountOf(SplitUnit.QueryHead);
        int keyValueHeads = spec.CountOf(SplitUnit.KeyValueHead);
        RequireWithin(assignment, assignment.QueryHeads, queryHeads, "query heads");
        RequireWithin(assignment, assignment.KeyValueHeads, keyValueHeads, "key-value heads");
        RequireWithin(assignment, assignment.Channels, spec.CountOf(SplitUnit.Channel), "channels");
        RequireWithin(assignment, assignment.Tokens, spec.VocabularySize, "vocabulary entries");

        // Whether matrices can be cut there, the slices say themselves. Each query head reads one key-value head, which must be here; and each key-value head here serves equally many.
        if (keyValueHeads == 0)
        {
            return;
        }

        int perHead = queryHeads / keyValueHeads;
        (IndexRange queries, IndexRange held) = (assignment.QueryHeads, assignment.KeyValueHeads);
        if (queries.Start / perHead != held.Start
            || (queries.End - 1) / perHead != held.End - 1
            || (held.Count > 1 && queries.Count != held.Count * perHead))
        {
            throw Misfit(assignment, $"its query heads do not belong to its key-value heads; {perHead} query heads read each");
        }
    }

    private static void RequireWithin(ShardAssignment assignment, IndexRange range, int count, string what)
    {
        if (range.Start < 0 || range.Count < Math.Min(count, 1) || range.Start > count - range.Count)
        {
            throw Misfit(assignment, $"its {what} are {range.Start} + {range.Count}, and the model has {count}");
        }
    }

    private static ProtocolException Misfit(ShardAssignment assignment, string reason) =>
        new($"The load order's assignment does not fit the model: {reason}. It is {assignment}.");
}
