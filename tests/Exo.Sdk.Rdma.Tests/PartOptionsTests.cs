namespace Exo.Sdk.Rdma.Tests;

public sealed class PartOptionsTests
{
    private static readonly RdmaOptions Unusual = new()
    {
        VerbsLibrary = "/opt/libibverbs.so",
        Devices = ["b", "a"],
        Connection = RdmaConnection.Unreliable,
        SlotBytes = 8192,
        Depth = 7,
        LimitCeiling = new RdmaLimits(1, 2, 3, 4_000_000_000),
        CountsFrames = !OperatingSystem.IsMacOS(),
        Access = RdmaAccess.LocalWrite | RdmaAccess.RemoteRead,
        Spin = TimeSpan.FromTicks(11),
    };

    [Fact]
    public void All_options_reach_a_child_process() =>
        new RdmaTransport().WithOptions(new RdmaTransport(Unusual).DescribeOptions())
            .Should().BeOfType<RdmaTransport>().Which.Options.Should().BeEquivalentTo(Unusual);

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"Depth\":99999}", true)]
    [InlineData("{\"Devices\":null}", true)]
    [InlineData("{\"Devices\":[null]}", true)]
    [InlineData("{\"Connection\":77}", true)]
    [InlineData("{\"Access\":255}", true)]
    [InlineData("{\"Spin\":\"-00:00:01\"}", true)]
    [InlineData("{\"Surprise\":1}", true)]
    public void What_is_damaged_is_refused(string description, bool isPatch = false)
    {
        string whole = new RdmaTransport().DescribeOptions();
        string options = isPatch ? string.Concat(whole.AsSpan(0, whole.Length - 1), ",", description.AsSpan(1)) : description;

        new RdmaTransport().Invoking(t => t.WithOptions(options)).Should().Throw<ConfigurationException>();
    }
}
