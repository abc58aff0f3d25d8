namespace Exo.Sdk;

/// <summary>How keys and values are held in the KV cache.</summary>
public enum KeyValuePrecision
{
    /// <summary>Half precision, 2 bytes, with one scale for each position of each head: about 2e-4 relative error per element, any magnitude.</summary>
    Float16,

    /// <summary>Single precision, 4 bytes: exact.</summary>
    Float32,

    /// <summary>bfloat16, 2 bytes: about 2e-3 relative error per element, any magnitude.</summary>
    BFloat16,

    /// <summary>8-bit integers with one scale for each position of each head: about 4e-3 of the largest element.</summary>
    Int8,
}

/// <summary>Sizes of keys and values.</summary>
public static class KeyValuePrecisions
{
    /// <summary>The bytes that a vector with a scale of its own takes: one head's key or value of one position.</summary>
    /// <param name="precision">How it is held.</param>
    /// <param name="elements">Its elements.</param>
    /// <returns>Bytes.</returns>
    public static long SizeInBytes(this KeyValuePrecision precision, int elements) => precision switch
    {
        KeyValuePrecision.Float32 => (long)elements * sizeof(float),
        KeyValuePrecision.Float16 => ((long)elements * sizeof(ushort)) + sizeof(float),
        KeyValuePrecision.BFloat16 => (long)elements * sizeof(ushort),
        KeyValuePrecision.Int8 => (long)elements + sizeof(float),
        _ => throw new ArgumentOutOfRangeException(nameof(precision)),
    };
}
