namespace Exo.Sdk;

/// <summary>
/// How the values of an all-reduce travel. They are added in float32 in any case, and every rank ends with the same bits.
/// </summary>
public enum WirePrecision
{
    /// <summary>4 bytes a value, exact.</summary>
    Float32,

    /// <summary>
    /// 2 bytes a value: rounded to bfloat16, to nearest even. A contribution is off by at most 2⁻⁸ of its own magnitude.
    /// Large sums of more than two ranks are rounded once more on their way back.
    /// </summary>
    BFloat16,

    /// <summary>
    /// 1.125 bytes a value: blocks of 32 whole numbers of 8 bits with one float32 scale. A contribution is off by at most 1/254 of
    /// the largest magnitude in its block. Large sums of more than two ranks are rounded once more on their way back. A block
    /// that holds an infinity or NaN becomes NaN.
    /// </summary>
    Int8Blocks,
}
