namespace Exo.Sdk.Models;

/// <summary>The element type of a stored tensor.</summary>
public enum ElementType
{
    /// <summary>IEEE 754 single precision, 4 bytes.</summary>
    Float32,

    /// <summary>IEEE 754 half precision, 2 bytes.</summary>
    Float16,

    /// <summary>bfloat16: the upper half of a single-precision number, 2 bytes.</summary>
    BFloat16,

    /// <summary>Unsigned 32-bit words, which carry packed quantized weights.</summary>
    UInt32,

    /// <summary>Unsigned bytes.</summary>
    UInt8,

    /// <summary>Signed 32-bit integers.</summary>
    Int32,

    /// <summary>Signed 64-bit integers.</summary>
    Int64,

    /// <summary>IEEE 754 double precision, 8 bytes.</summary>
    Float64,

    /// <summary>Truth values of one byte.</summary>
    Boolean,

    /// <summary>Signed bytes.</summary>
    Int8,

    /// <summary>Signed 16-bit integers.</summary>
    Int16,

    /// <summary>Unsigned 16-bit integers.</summary>
    UInt16,

    /// <summary>Unsigned 64-bit integers.</summary>
    UInt64,

    /// <summary>8-bit floating point of 4 exponent and 3 mantissa bits.</summary>
    Float8E4M3,

    /// <summary>8-bit floating point of 5 exponent and 2 mantissa bits.</summary>
    Float8E5M2,

    /// <summary>8-bit powers of two, which scale blocks of smaller numbers.</summary>
    Float8E8M0,
}

/// <summary>Sizes of element types.</summary>
public static class ElementTypes
{
    /// <summary>The bytes one element takes.</summary>
    /// <param name="type">The element type.</param>
    /// <returns>1, 2, 4 or 8.</returns>
    public static int SizeInBytes(this ElementType type) => type switch
    {
        ElementType.Float32 or ElementType.UInt32 or ElementType.Int32 => 4,
        ElementType.Float16 or ElementType.BFloat16 or ElementType.Int16 or ElementType.UInt16 => 2,
        ElementType.UInt8 or ElementType.Int8 or ElementType.Boolean => 1,
        ElementType.Float8E4M3 or ElementType.Float8E5M2 or ElementType.Float8E8M0 => 1,
        ElementType.Int64 or ElementType.UInt64 or ElementType.Float64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };
}
