using Xunit.Abstractions;

namespace Exo.Sdk.Transport.Tests;

/// <summary>What groups leave behind. Runs alone, because it counts the process's own descriptors.</summary>
[Collection(nameof(LeakTests))]
[CollectionDefinition(nameof(LeakTests), DisableParallelization = true)]
public sealed class LeakTests(ITestOutputHelper output)
{
    public static TheoryData<string, string> Checks() => ConformanceTests.Named(mustRunAlone: true);

    [Theory]
    [MemberData(nameof(Checks))]
    public Task It_conforms(string transport, string check) => ConformanceTests.Connecting(transport).RunAsync(check, output.WriteLine);
}
