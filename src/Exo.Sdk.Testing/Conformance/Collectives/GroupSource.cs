namespace Exo.Sdk.Testing.Conformance.Collectives;

/// <summary>Where checks take groups from.</summary>
internal sealed class GroupSource(ITransport transport, TransportConformanceOptions options)
{
    public TransportConformanceOptions Options => options;

    public async Task<TestGroup> ConnectAsync(int size, TimeSpan? deadline = null) => await TestGroup.ConnectAsync(
        transport,
        size,
        group => group with { Deadline = deadline ?? options.Patience * 2, ConnectTimeout = options.Patience },
        options.Patience).ConfigureAwait(false);

    /// <summary>Values of magnitudes from 1e-3 to 1e3, so that the order of additions shows in the last bits.</summary>
    public static float[] Values(int length, int seed)
    {
        Random random = new(seed);
        float[] values = new float[length];
        for (int i = 0; i < length; i++)
        {
            values[i] = (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 4)));
        }

        return values;
    }

    public static byte[] Bytes(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static float[] SumInRankOrder(float[][] parts)
    {
        float[] sum = (float[])parts[0].Clone();
        for (int rank = 1; rank < parts.Length; rank++)
        {
            for (int i = 0; i < sum.Length; i++)
            {
                sum[i] += parts[rank][i];
            }
        }

        return sum;
    }
}
