namespace Exo.Sdk.Models;

/// <summary>The element types as safetensors spells them.</summary>
internal static class SafetensorsTypes
{
    private static readonly Dictionary<string, ElementType> Types = new(StringComparer.Ordinal)
    {
        ["F32"] = ElementType.Float32,
        ["F16"] = ElementType.Float16,
        ["BF16"] = ElementType.BFloat16,
        ["F64"] = ElementType.Float64,
        ["U32"] = ElementType.UInt32,
        ["I32"] = ElementType.Int32,
        ["U8"] = ElementType.UInt8,
        ["I8"] = ElementType.Int8,
        ["U16"] = ElementType.UInt16,
        ["I16"] = ElementType.Int16,
        ["U64"] = ElementType.UInt64,
        ["I64"] = ElementType.Int64,
        ["BOOL"] = ElementType.Boolean,
        ["F8_E4M3"] = ElementType.Float8E4M3,
        ["F8_E5M2"] = ElementType.Float8E5M2,
        ["F8_E8M0"] = ElementType.Float8E8M0,
    };

    /// <summary>All spellings.</summary>
    public static IEnumerable<string> Names => Types.Keys;

    /// <summary>The type of a spelling, or null where it is unknown.</summary>
    public static ElementType? Parse(string name) => Types.TryGetValue(name, out ElementType type) ? type : null;
}
