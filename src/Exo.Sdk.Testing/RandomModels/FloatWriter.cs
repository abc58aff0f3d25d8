using System.Runtime.InteropServices;
using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.RandomModels;

/// <summary>Writes numbers into little-endian bytes of a floating-point element type, rounding to nearest even.</summary>
internal readonly ref struct FloatWriter
{
    private readonly ElementType _type;
    private readonly Span<float> _singles;
    private readonly Span<Half> _halves;
    private readonly Span<ushort> _brains;

    public FloatWriter(ElementType type, Span<byte> destination)
    {
        _type = type;
        Count = destination.Length / type.SizeInBytes();
        switch (type)
        {
            case ElementType.Float32:
                _singles = MemoryMarshal.Cast<byte, float>(destination);
                break;
            case ElementType.Float16:
                _halves = MemoryMarshal.Cast<byte, Half>(destination);
                break;
            case ElementType.BFloat16:
                _brains = MemoryMarshal.Cast<byte, ushort>(destination);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type));
        }
    }

    public int Count { get; }

    public void Write(int index, float value)
    {
        switch (_type)
        {
            case ElementType.Float32:
                _singles[index] = value;
                break;
            case ElementType.Float16:
                _halves[index] = (Half)value;
                break;
            default:
                uint bits = BitConverter.SingleToUInt32Bits(value);
                _brains[index] = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
                break;
        }
    }
}
