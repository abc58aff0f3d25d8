using System.Runtime.InteropServices;
using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.RandomModels;

/// <summary>A tensor to be written: its description and how any part of its elements is made.</summary>
/// <param name="Name">The stored name.</param>
/// <param name="Type">The stored element type.</param>
/// <param name="Shape">One or two dimensions.</param>
internal abstract record RandomTensor(string Name, ElementType Type, int[] Shape)
{
    public long ElementCount => Shape.Aggregate(1L, static (product, dimension) => checked(product * dimension));

    public long ByteCount => checked(ElementCount * Type.SizeInBytes());

    /// <summary>Makes elements as stored bytes.</summary>
    /// <param name="first">The first element's index.</param>
    /// <param name="destination">Whole elements.</param>
    public abstract void Fill(long first, Span<byte> destination);
}

/// <summary>Numbers close to normal.</summary>
internal sealed record NormalTensor(string Name, ElementType Type, int[] Shape, ulong Seed, float Mean, float Deviation)
    : RandomTensor(Name, Type, Shape)
{
    private readonly RandomStream _stream = new(Seed, Name);

    public override void Fill(long first, Span<byte> destination)
    {
        FloatWriter writer = new(Type, destination);
        for (int i = 0; i < writer.Count; i++)
        {
            writer.Write(i, Mean + (Deviation * _stream.Normal(first + i)));
        }
    }
}

/// <summary>Packed words of a quantized weight: any bits are a sound weight, each value uniform in 0 … 2ᵇ − 1.</summary>
internal sealed record PackedTensor(string Name, int[] Shape, ulong Seed) : RandomTensor(Name, ElementType.UInt32, Shape)
{
    private readonly RandomStream _stream = new(Seed, Name);

    public override void Fill(long first, Span<byte> destination)
    {
        Span<uint> words = MemoryMarshal.Cast<byte, uint>(destination);
        for (int i = 0; i < words.Length; i++)
        {
            ulong bits = _stream.Bits((first + i) >> 1);
            words[i] = (uint)(((first + i) & 1) == 0 ? bits : bits >> 32);
        }
    }
}

/// <summary>
/// Scales s, or biases β, of a quantized weight's groups. With q uniform, s·q + β has about the wanted deviation and a mean near 0;
/// s has either sign and its own size in every group, and β is not exactly −s·(mean of q), as in trained weights.
/// </summary>
internal sealed record GroupTensor(string Path, ElementType Type, int[] Shape, ulong Seed, int Bits, float Deviation, bool IsBias)
    : RandomTensor(Path + (IsBias ? ".biases" : ".scales"), Type, Shape)
{
    private const float MeanJitter = 0.1f;
    private readonly RandomStream _scales = new(Seed, Path + ".scales");
    private readonly RandomStream _jitter = new(Seed, Path + ".biases");

    public override void Fill(long first, Span<byte> destination)
    {
        float levels = 1 << Bits;
        float scale = Deviation / MathF.Sqrt(((levels * levels) - 1) / 12);
        FloatWriter writer = new(Type, destination);
        for (int i = 0; i < writer.Count; i++)
        {
            float uniform = _scales.Uniform(first + i);
            float own = scale * (uniform < 0.5f ? 0.75f + uniform : -0.25f - uniform);
            writer.Write(i, IsBias ? (-own * (levels - 1) / 2) + (MeanJitter * Deviation * _jitter.Normal(first + i)) : own);
        }
    }
}
