namespace Exo.Sdk.Testing.RandomModels;

/// <summary>
/// A stream of random numbers that can be entered anywhere: number i is splitmix64's output for the state seed + i·γ
/// (Steele, Lea and Flood 2014). Every tensor has its own, so files do not depend on the order of writing.
/// </summary>
internal readonly struct RandomStream
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;
    private readonly ulong _seed;

    public RandomStream(ulong seed, string name)
    {
        // FNV-1a of the name, then mixed with the seed.
        ulong hash = 0xCBF29CE484222325;
        foreach (char character in name)
        {
            hash = (hash ^ character) * 0x100000001B3;
        }

        _seed = Mix(hash ^ Mix(seed));
    }

    /// <summary>64 random bits.</summary>
    public ulong Bits(long index) => Mix(_seed + ((ulong)index * Gamma));

    /// <summary>Uniform in [0, 1).</summary>
    public float Uniform(long index) => (Bits(index) >> 40) * (1f / (1 << 24));

    /// <summary>
    /// Close to normal with mean 0 and deviation 1, and never beyond 3.47: the sum of four uniform numbers, of variance 1/12 each.
    /// </summary>
    public float Normal(long index)
    {
        ulong bits = Bits(index);
        uint sum = (uint)(bits & 0xFFFF) + (uint)((bits >> 16) & 0xFFFF) + (uint)((bits >> 32) & 0xFFFF) + (uint)(bits >> 48);
        return ((int)sum - 131070) * (1.7320508f / 65536f);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
