namespace Exo.Golden.Formats;

/// <summary>A tensor as it lies in a safetensors file: row-major, little-endian.</summary>
internal sealed record StoredTensor(string Name, ElementType Type, int[] Shape, byte[] Data)
{
    public double[] ToDoubles() => Elements.ToDoubles(Type, Data);

    public static StoredTensor FromDoubles(string name, ElementType type, int[] shape, ReadOnlySpan<double> values) =>
        new(name, type, shape, Elements.FromDoubles(type, values));
}
