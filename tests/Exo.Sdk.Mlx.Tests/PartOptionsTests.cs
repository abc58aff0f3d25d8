using System.Text.Json;
using Exo.Sdk.Mlx.Tests.Support;

namespace Exo.Sdk.Mlx.Tests;

public sealed class PartOptionsTests
{
    private static readonly MlxBackendOptions Unusual = new()
    {
        LibraryPath = "/opt/libmlxc.so",
        Device = MlxComputeDevice.Cpu,
        Precision = MlxPrecision.BFloat16,
        MemoryLimits = new MlxMemoryLimits(1, null, 3),
        Collectives = MlxCollectives.Jaccl,
        RdmaDevices = [[[], ["rdma_en5", "rdma_en4"]], [["rdma_en3"], []]],
        StepTimeout = TimeSpan.FromTicks(123_456_789),
    };

    [Fact]
    public void All_options_reach_a_child_process()
    {
        string description = new MlxBackend(Unusual).DescribeOptions();

        ((MlxBackend)new MlxBackend().WithOptions(description)).DescribeOptions().Should().Be(description);
        using JsonDocument said = JsonDocument.Parse(description);
        said.RootElement.EnumerateObject().Select(p => p.Name).Should().BeEquivalentTo(typeof(MlxBackendOptions).GetProperties().Select(p => p.Name));
        said.RootElement.EnumerateObject().Should().NotContain(p => p.Value.ValueKind == JsonValueKind.Null);
    }

    /// <summary>Without the library's path the child would find no MLX, and in another precision other bits.</summary>
    [StandinFact]
    public async Task A_child_process_computes_as_its_parent_is_set()
    {
        MlxBackend backend = new(new MlxBackendOptions { LibraryPath = new Standin().Path, Device = MlxComputeDevice.Cpu, Precision = MlxPrecision.BFloat16 });

        (await LogitsAsync(backend, RankHosting.ChildProcess)).Should().Equal(await LogitsAsync(backend, RankHosting.InProcess));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"Precision\":9}", true)]
    [InlineData("{\"Device\":-1}", true)]
    [InlineData("{\"Collectives\":3}", true)]
    [InlineData("{\"StepTimeout\":\"00:00:00\"}", true)]
    [InlineData("{\"Collectives\":2,\"RdmaDevices\":[null]}", true)]
    [InlineData("{\"Collectives\":2,\"RdmaDevices\":[[[null]]]}", true)]
    [InlineData("{\"LibraryPath\":7}", true)]
    [InlineData("{\"Surprise\":1}", true)]
    public void What_is_damaged_is_refused(string description, bool isPatch = false)
    {
        string whole = new MlxBackend().DescribeOptions();
        string options = isPatch ? string.Concat(whole.AsSpan(0, whole.Length - 1), ",", description.AsSpan(1)) : description;

        new MlxBackend().Invoking(b => b.WithOptions(options)).Should().Throw<ConfigurationException>();
    }

    private static async Task<float[]> LogitsAsync(MlxBackend backend, RankHosting hosting)
    {
        await using Cluster cluster = await new ClusterBuilder().UseModel(TinyModel.Path).UseLocalRanks(2, hosting).UseBackend(backend).BuildAsync();
        return await cluster.ComputeLogitsAsync([3, 1, 4]);
    }
}
