namespace Exo.Sdk.OnnxRuntime.Weights;

/// <summary>
/// A matrix in MLX's affine packing, w = s·q + β with one s and one β per group of inputs, as ONNX Runtime can multiply it: it knows
/// s·(q − z) with z in the middle of q's range, so the rest of each weight, β + z·s, is kept beside it as the group's offset.
/// </summary>
internal sealed unsafe class AffineMatrix(
    int outputCount, int inputCount, int bits, int groupSize, WeightBytes words, WeightBytes scales, WeightBytes offsets, float[]? bias)
    : WeightMatrix(outputCount, inputCount, bias)
{
    /// <summary>Bits per value: 2, 4 or 8.</summary>
    internal int Bits => bits;

    /// <summary>Consecutive inputs that share a scale and an offset.</summary>
    internal int GroupSize => groupSize;

    /// <summary>Groups of one output.</summary>
    internal int GroupCount => InputCount / groupSize;

    /// <summary>The values q <c>[outputs, inputs·bits/8]</c> bytes, the first in the lowest bits.</summary>
    internal WeightBytes Words => words;

    /// <summary>s, single precision <c>[outputs, groups]</c>.</summary>
    internal WeightBytes Scales => scales;

    /// <summary>β + z·s, single precision <c>[outputs, groups]</c>.</summary>
    internal WeightBytes Offsets => offsets;

    internal override long ByteCount => words.ByteCount + scales.ByteCount + offsets.ByteCount;

    /// <summary>Turns the biases β that were read into offsets β + z·s, in place.</summary>
    internal static void MakeOffsets(int bits, WeightBytes scales, WeightBytes biases)
    {
        float zero = Zero(bits);
        float* s = (float*)scales.Address;
        float* offset = (float*)biases.Address;
        for (long i = 0; i < biases.ByteCount / sizeof(float); i++)
        {
            offset[i] += zero * s[i];
        }
    }

    internal override void ReadRow(int row, Span<float> destination)
    {
        byte* source = words.Address + ((long)row * InputCount * bits / 8);
        float* rowScales = (float*)scales.Address + ((long)row * GroupCount);
        float* rowOffsets = (float*)offsets.Address + ((long)row * GroupCount);
        int valuesPerByte = 8 / bits;
        int mask = (1 << bits) - 1;
        float zero = Zero(bits);
        for (int i = 0; i < destination.Length; i++)
        {
            int value = (source[i / valuesPerByte] >> (i % valuesPerByte * bits)) & mask;
            destination[i] = (rowScales[i / groupSize] * (value - zero)) + rowOffsets[i / groupSize];
        }
    }

    public override void Dispose()
    {
        words.Dispose();
        scales.Dispose();
        offsets.Dispose();
    }

    private static float Zero(int bits) => 1 << (bits - 1);
}
