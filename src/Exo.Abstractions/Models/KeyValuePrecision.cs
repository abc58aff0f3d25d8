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
