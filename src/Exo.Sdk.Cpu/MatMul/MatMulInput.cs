namespace Exo.Sdk.Cpu.MatMul;

/// <summary>How a matrix wants its inputs; matrices of equal form share them.</summary>
/// <param name="Kind">The form's kind.</param>
/// <param name="Bits">Bits of the weights where the form depends on them.</param>
/// <param name="GroupSize">Inputs that share a scale, where the form depends on it.</param>
internal readonly record struct InputForm(InputKind Kind, int Bits = 0, int GroupSize = 0);

/// <summary>Kinds of inputs.</summary>
internal enum InputKind
{
    /// <summary>As they are.</summary>
    Plain,

    /// <summary>For one token: scaled as the packing wants it, then each group's sum. Several tokens are taken as they are.</summary>
    Scaled,

    /// <summary>8-bit integers in the packing's order, then numbers for each group.</summary>
    Integers,
}

/// <summary>The inputs of a product: x as it is, and in the matrix's form.</summary>
internal readonly unsafe struct MatMulInput(float* x, int stride, byte* arranged, int arrangedStride, int tokens)
{
    /// <summary>The first token's inputs, filled up with zeros to whole units.</summary>
    internal float* X => x;

    /// <summary>From one token's inputs to the next one's.</summary>
    internal int Stride => stride;

    /// <summary>The first token's inputs in the matrix's form; not read where the form is plain.</summary>
    internal byte* Arranged => arranged;

    /// <summary>Bytes from one token's arranged inputs to the next one's.</summary>
    internal int ArrangedStride => arrangedStride;

    /// <summary>How many tokens.</summary>
    internal int Tokens => tokens;
}

/// <summary>Where a product's outputs go.</summary>
internal readonly unsafe struct MatMulOutput(float* y, int stride)
{
    /// <summary>The first token's outputs; room for whole panels.</summary>
    internal float* Y => y;

    /// <summary>From one token's outputs to the next one's.</summary>
    internal int Stride => stride;
}
