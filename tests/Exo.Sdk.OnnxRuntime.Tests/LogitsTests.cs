using Xunit.Abstractions;

namespace Exo.Sdk.OnnxRuntime.Tests;

public sealed class LogitsTests(ITestOutputHelper output)
{
    private const int DecodeSteps = 32;
    private const double Bound = 1e-4;
    private const double IntegerBound = 8e-2;

    [Theory]
    [InlineData(2, 32)]
    [InlineData(2, 64)]
    [InlineData(2, 128)]
    [InlineData(4, 32)]
    [InlineData(4, 64)]
    [InlineData(4, 128)]
    [InlineData(8, 32)]
    [InlineData(8, 64)]
    [InlineData(8, 128)]
    public void Integer_activations_agree_within_their_own_bound(int bits, int groupSize)
    {
        MemoryModel model = new(new ModelShape { Hidden = 256, QueryHeads = 8, Channels = 384, Packing = new(bits, groupSize), HasBias = true, Seed = 20 });
        using ShardSet shards = new(new OnnxRuntimeBackend(), model, options: new ShardOptions { ContextLength = 64, Activations = ActivationPrecision.Int8 });
        double error = shards.ErrorAgainst(model, prefill: 11, DecodeSteps);
        output.WriteLine($"largest relative error {error:e2}");
        error.Should().BeLessThan(IntegerBound);
        error.Should().BeGreaterThan(Bound, "the integer path must really be taken");
    }
}
