using Exo.Sdk.Testing.Conformance;

namespace Exo.Sdk.Testing.Tests;

/// <summary>The suites themselves: what keeps its promises passes, what does not is found out and told.</summary>
public sealed class ConformanceTests
{
    private static readonly TransportConformanceOptions Options = new() { GroupSizes = [3] };

    public static TheoryData<string> CollectiveChecks() =>
        [.. new CollectiveConformance(new FaultInjectingTransport(), Options).Checks.Select(check => check.Name)];

    public static TheoryData<string> TransportChecks() =>
        [.. new TransportConformance(new FaultInjectingTransport(), Options).Checks.Where(check => !check.MustRunAlone).Select(check => check.Name)];

    [Theory]
    [MemberData(nameof(CollectiveChecks))]
    public Task The_groups_of_a_transport_without_faults_conform(string check) =>
        new CollectiveConformance(new FaultInjectingTransport(), Options).RunAsync(check);

    [Theory]
    [MemberData(nameof(TransportChecks))]
    public Task A_transport_without_faults_conforms(string check) =>
        new TransportConformance(new FaultInjectingTransport(), Options).RunAsync(check);

    [Fact]
    public async Task A_rank_that_is_killed_is_told_with_what_was_expected_and_found()
    {
        FaultInjectingTransport transport = new();
        transport.Kill(1, afterOperations: 3);
        CollectiveConformance suite = new(transport, Options);

        ConformanceException error = (await suite.Awaiting(s => s.RunAsync("A broadcast reaches 3 ranks from every root"))
            .Should().ThrowAsync<ConformanceException>()).Which;

        error.Subject.Should().Be("in-process");
        error.Check.Should().Be("A broadcast reaches 3 ranks from every root");
        error.Expected.Should().Be("no error");
        error.Found.Should().Contain(nameof(ObjectDisposedException));
    }

    [Fact]
    public async Task A_slow_rank_is_noticed_too_late()
    {
        FaultInjectingTransport transport = new();
        CollectiveConformance suite = new(transport, Options with { NoticeWithin = TimeSpan.Zero });

        (await suite.Awaiting(s => s.RunAsync("A rank that leaves is lost to all others, soon and by name")).Should().ThrowAsync<ConformanceException>())
            .Which.Expected.Should().Be("the loss noticed within 0 ms");
    }

    [Fact]
    public async Task A_check_that_is_not_there_is_refused() =>
        await new TransportConformance(new FaultInjectingTransport()).Awaiting(s => s.RunAsync("nothing")).Should().ThrowAsync<ArgumentException>();
}
