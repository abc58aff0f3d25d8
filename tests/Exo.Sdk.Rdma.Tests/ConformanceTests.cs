using Exo.Sdk.Rdma.Tests.Support;
using Exo.Sdk.Testing.Conformance;
using Xunit.Abstractions;

namespace Exo.Sdk.Rdma.Tests;

/// <summary>The transport keeps what the seams promise, over the verbs library in memory. Runs alone, because it counts descriptors.</summary>
[Collection(nameof(ConformanceTests))]
[CollectionDefinition(nameof(ConformanceTests), DisableParallelization = true)]
public sealed class ConformanceTests(ITestOutputHelper output) : IDisposable
{
    private readonly Lazy<FakeVerbs> _fake = new();

    public static TheoryData<RdmaConnection, string> CollectiveChecks() => Named(new CollectiveConformance(new RdmaTransport(), Options));

    public static TheoryData<RdmaConnection, string> TransportChecks() => Named(new TransportConformance(new RdmaTransport(), Options));

    private static TransportConformanceOptions Options { get; } = new() { GroupSizes = [1, 2, 3], LargestMessageBytes = 4 << 20 };

    [FakeTheory]
    [MemberData(nameof(CollectiveChecks))]
    public Task Its_groups_conform(RdmaConnection connection, string check) =>
        new CollectiveConformance(Transport(connection), Options).RunAsync(check, output.WriteLine);

    [FakeTheory]
    [MemberData(nameof(TransportChecks))]
    public Task It_conforms(RdmaConnection connection, string check) =>
        new TransportConformance(Transport(connection), Options).RunAsync(check, output.WriteLine);

    public void Dispose()
    {
        if (_fake.IsValueCreated)
        {
            _fake.Value.Dispose();
        }
    }

    private static TheoryData<RdmaConnection, string> Named(ConformanceSuite suite)
    {
        TheoryData<RdmaConnection, string> data = [];
        foreach (RdmaConnection connection in (RdmaConnection[])[RdmaConnection.Reliable, RdmaConnection.Unreliable])
        {
            foreach (ConformanceCheck check in suite.Checks)
            {
                data.Add(connection, check.Name);
            }
        }

        return data;
    }

    private RdmaTransport Transport(RdmaConnection connection) =>
        new(new RdmaOptions { VerbsLibrary = _fake.Value.Library, Connection = connection });
}
