using Exo.Sdk.Testing.Conformance.Transports;

namespace Exo.Sdk.Testing.Conformance;

/// <summary>What <see cref="ITransport"/> and <see cref="ITransportEndpoint"/> promise. What connected groups can do is checked by <see cref="CollectiveConformance"/>.</summary>
/// <example>
/// <code>
/// await new TransportConformance(new MyTransport()).RunAllAsync(Console.WriteLine);
/// </code>
/// </example>
public sealed class TransportConformance : ConformanceSuite
{
    /// <summary>Makes the checks; nothing runs yet.</summary>
    /// <param name="transport">The transport, usable on this machine; all ranks are in this process.</param>
    /// <param name="options">How far the checks go; null for what most transports need.</param>
    public TransportConformance(ITransport transport, TransportConformanceOptions? options = null)
        : base(Named(transport))
    {
        EndpointSource endpoints = new(transport, options ?? new TransportConformanceOptions());
        Add("It has a short name and says that it can be used here", _ => ConnectChecks.SaysWhatItIs(endpoints));
        Add("Every endpoint has an address of its own", _ => ConnectChecks.HasAddresses(endpoints));
        foreach (int size in endpoints.Options.GroupSizes)
        {
            Add($"{size} ranks that connect know who they are", _ => ConnectChecks.KnowsItsPlace(endpoints, size));
        }

        Add("Groups that connect at the same time do not mix", _ => ConnectChecks.ConnectsGroupsAtOnce(endpoints));
        Add("An endpoint connects one epoch after another, and the older group lives on", _ => ConnectChecks.ConnectsOneEpochAfterAnother(endpoints));
        Add("A group outlives its endpoints", _ => ConnectChecks.OutlivesItsEndpoints(endpoints));
        Add("Another secret is refused, and the endpoints connect afterwards", _ => RefusalChecks.RefusesAnotherSecret(endpoints));
        Add("Another epoch is refused, older or newer", _ => RefusalChecks.RefusesAnotherEpoch(endpoints));
        Add("A group of another size is refused", _ => RefusalChecks.RefusesAnotherSize(endpoints));
        Add("Descriptions that cannot work are refused before anything is connected", _ => RefusalChecks.RefusesWrongDescriptions(endpoints));
        Add("A rank that does not come is lost, by name and in time", log => EndingChecks.GivesUpARankThatDoesNotCome(endpoints, log));
        Add("Canceling ends a connect at once, and the endpoint connects afterwards", log => EndingChecks.CancelsAConnect(endpoints, log));
        Add("Disposing an endpoint ends its connect, and it connects no more", log => EndingChecks.DisposesAnEndpoint(endpoints, log));
        Add("Groups and failed connects leave no descriptor and no thread behind", log => EndingChecks.LeavesNothingBehind(endpoints, log), mustRunAlone: true);
    }

    private static string Named(ITransport transport)
    {
        ArgumentNullException.ThrowIfNull(transport);
        return transport.Name;
    }
}
