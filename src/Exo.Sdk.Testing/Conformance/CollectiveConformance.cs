using Exo.Sdk.Testing.Conformance.Collectives;

namespace Exo.Sdk.Testing.Conformance;

/// <summary>What <see cref="ICollective"/> promises, for the groups that a transport connects.</summary>
/// <example>
/// <code>
/// await new CollectiveConformance(new MyTransport()).RunAllAsync(Console.WriteLine);
/// </code>
/// </example>
public sealed class CollectiveConformance : ConformanceSuite
{
    /// <summary>Makes the checks; nothing runs yet.</summary>
    /// <param name="transport">The transport; all ranks are threads of this process.</param>
    /// <param name="options">How far the checks go; null for what most transports need.</param>
    public CollectiveConformance(ITransport transport, TransportConformanceOptions? options = null)
        : base(Named(transport))
    {
        options ??= new TransportConformanceOptions();
        GroupSource groups = new(transport, options);
        foreach (int size in options.GroupSizes)
        {
            Add($"A sum has the bits of ((r0 + r1) + r2) … on each of {size} ranks", log => SumChecks.HasTheBitsOfTheRankOrder(groups, size, log));
            Add($"Uneven parts are joined in rank order on {size} ranks", _ => MessageChecks.JoinsPartsInRankOrder(groups, size));
            Add($"A broadcast reaches {size} ranks from every root", _ => MessageChecks.BroadcastsFromEveryRoot(groups, size));
            Add($"Nobody passes a barrier before all {size} ranks have come", _ => MessageChecks.HoldsABarrier(groups, size));
            if (size > 1)
            {
                Add($"Messages pass round {size} ranks in order", _ => MessageChecks.PassesMessagesRound(groups, size));
                Add($"{size} ranks that all send first and receive second do not wait for each other", _ => MessageChecks.SendsBeforeItReceives(groups, size));
                Add($"A sum longer than any buffer passes between {size} ranks", _ => SumChecks.PassesLongSums(groups, size));
                Add($"Sums behind messages of odd length are right on {size} ranks", _ => SumChecks.SumsBehindOddMessages(groups, size));
                Add($"Warm operations of {size} ranks allocate nothing", log => SumChecks.AllocatesNothing(groups, size, log));
            }
        }

        foreach (int size in options.GroupSizes.Where(static size => size > 1))
        {
            Add($"The parts of {size} ranks work side by side and in turns with the whole", log => PartChecks.WorksInParts(groups, size, log));
        }

        Add("A group of one is its own part", _ => PartChecks.DividesOne(groups));
        Add("A rank that a part loses is lost to the whole group, by the number that it has there", _ => PartChecks.EndsWithItsGroup(groups));
        Add("A part that is disposed leaves the group alone", _ => PartChecks.LeavesTheGroupAlone(groups));
        Add("Infinities and NaNs pass through a sum like any value, and minus zero stays", _ => SumChecks.PassesSpecialValues(groups));
        Add("A group of one needs nobody, and ends when it is disposed", _ => MessageChecks.WorksAlone(groups));
        Add("A message that came early is seen by a wait and keeps its order", _ => MessageChecks.KeepsEarlyMessagesInOrder(groups));
        Add("Wrong arguments are refused, and the group lives on", _ => ArgumentChecks.RefusesWrongArguments(groups));
        Add("Ranks that disagree are told so, and the group is dead", _ => ArgumentChecks.EndsWhereRanksDisagree(groups));
        Add("A rank that leaves is lost to all others, soon and by name", log => LossChecks.NoticesALeavingRank(groups, log));
        Add("What a rank sent before it left still arrives", _ => LossChecks.DeliversWhatWasSentBefore(groups));
        Add("A silent rank is lost when the deadline has passed", log => LossChecks.GivesUpASilentRank(groups, log));
        Add("The rank that is lost is named, not the one that tells of it", _ => LossChecks.DoesNotBlameTheMessenger(groups));
        Add("A rank that is torn away inside a sum is the one that is named", _ => LossChecks.NamesARankTornAway(groups));
        Add("An abort ends every wait at once, and the first one wins", log => LossChecks.AbortsEveryWait(groups, log));
        Add("An abort outside any operation is seen by the next one", _ => LossChecks.AbortsTheNextOperation(groups));
        Add("Waiting for a message has no deadline", _ => LossChecks.WaitsWithoutADeadline(groups));
    }

    private static string Named(ITransport transport)
    {
        ArgumentNullException.ThrowIfNull(transport);
        return transport.Name;
    }
}
