namespace Exo.Golden.Catalog;

/// <summary>
/// A repeatable stream of nearly normal numbers. SplitMix64 (Steele, Lea, Flood) feeds sums of twelve 16-bit uniforms: integer
/// arithmetic only, so that every machine draws the same bits (logarithms and cosines differ between C libraries).
/// </summary>
internal sealed class SeededNormal
{
    private ulong _state;

    /// <param name="seed">The catalog's seed.</param>
    /// <param name="name">Each name has its own stream: adding a tensor or a model leaves all others as they were.</param>
    public SeededNormal(ulong seed, string name)
    {
        // FNV-1a.
        ulong hash = 14695981039346656037;
        foreach (byte b in System.Text.Encoding.UTF8.GetBytes(name))
        {
            hash = (hash ^ b) * 1099511628211;
        }

        _state = seed ^ hash;
    }

    /// <summary>Mean 0, standard deviation 1, within ±6.</summary>
    public double Next()
    {
        long sum = 0;
        for (int i = 0; i < 3; i++)
        {
            ulong bits = NextBits();
            sum += (long)((bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48));
        }

        return (sum - (6 * 65535L)) / 65536.0;
    }

    /// <summary>Uniform in [0, bound).</summary>
    public int NextIndex(int bound) => (int)Math.BigMul(NextBits(), (ulong)bound, out _);

    private ulong NextBits()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
