using Exo.Sdk.Testing.Conformance;
using Exo.Sdk.Transport.Tests.Collectives;
using Xunit.Abstractions;

namespace Exo.Sdk.Transport.Tests;

/// <summary>Every transport of ours, in every way of waiting, keeps what the seams promise.</summary>
public sealed class ConformanceTests(ITestOutputHelper output)
{
    public static TheoryData<string, string> CollectiveChecks()
    {
        TheoryData<string, string> data = [];
        foreach (string transport in RankGroup.Transports)
        {
            foreach (ConformanceCheck check in Collectives(transport).Checks)
            {
                data.Add(transport, check.Name);
            }
        }

        return data;
    }

    public static TheoryData<string, string> TransportChecks() => Named(mustRunAlone: false);

    [Theory]
    [MemberData(nameof(CollectiveChecks))]
    public Task Its_groups_conform(string transport, string check) => Collectives(transport).RunAsync(check, output.WriteLine);

    [Theory]
    [MemberData(nameof(TransportChecks))]
    public Task It_conforms(string transport, string check) => Connecting(transport).RunAsync(check, output.WriteLine);

    internal static TransportConformance Connecting(string transport) => new(RankGroup.Transport(transport), Options(transport));

    internal static TheoryData<string, string> Named(bool mustRunAlone)
    {
        TheoryData<string, string> data = [];
        foreach (string transport in RankGroup.Transports)
        {
            foreach (ConformanceCheck check in Connecting(transport).Checks.Where(check => check.MustRunAlone == mustRunAlone))
            {
                data.Add(transport, check.Name);
            }
        }

        return data;
    }

    private static CollectiveConformance Collectives(string transport) => new(RankGroup.Transport(transport), Options(transport));

    // Ways of waiting differ in nothing that more ranks would show.
    private static TransportConformanceOptions Options(string transport) =>
        new() { GroupSizes = transport is "tcp" or "shared-memory" or "in-process" ? [1, 2, 3, 5, 8] : [3] };
}
