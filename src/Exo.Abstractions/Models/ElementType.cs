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

    /// <summary>Unsigned 32-bit words, which carry packed quantised weights.</summary>
    UInt32,

    /// <summary>Unsigned bytes.</summary>
    UInt8,

    /// <summary>Signed 32-bit integers.</summary>
    Int32,

    /// <summary>Signed 64-bit integers.</summary>
    Int64,
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
        ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.UInt8 => 1,
        ElementType.Int64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };
}
