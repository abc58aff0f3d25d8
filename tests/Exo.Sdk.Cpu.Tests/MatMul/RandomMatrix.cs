using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Tests.Support;
using Exo.Sdk.Cpu.Weights;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.Tests.MatMul;

/// <summary>A matrix with random weights as they are stored, and its weights in double precision, taken out bit by bit.</summary>
internal sealed unsafe class RandomMatrix
{
    private readonly ElementType _type;
    private readonly QuantizationSpec? _packing;
    private readonly float[]? _bias;
    private readonly byte[] _words;
    private readonly byte[] _scales = [];
    private readonly byte[] _biases = [];

    private RandomMatrix(int outputs, int inputs, ElementType type, QuantizationSpec? packing, bool hasBias, bool isLargest = false)
    {
        Outputs = outputs;
        Inputs = inputs;
        _type = type;
        _packing = packing;
        Random random = new((inputs * 100) + outputs);
        _bias = hasBias ? [.. Enumerable.Range(0, outputs).Select(_ => random.NextSingle() - 0.5f)] : null;
        Bias = Array.ConvertAll(_bias ?? new float[outputs], v => (double)v);
        Weights = new double[outputs, inputs];
        Sizes = new double[outputs, inputs];
        if (packing is null)
        {
            float[] values = [.. Enumerable.Range(0, outputs * inputs).Select(i => Number(random, i))];
            _words = MemoryWeightSource.Store(type, values);
            for (int i = 0; i < values.Length; i++)
            {
                Weights[i / inputs, i % inputs] = MemoryWeightSource.Number(type, _words, i);
                Sizes[i / inputs, i % inputs] = Math.Abs(Weights[i / inputs, i % inputs]);
            }

            return;
        }

        _words = new byte[outputs * inputs * packing.Bits / 8];
        random.NextBytes(_words);
        if (isLargest)
        {
            Array.Fill(_words, byte.MaxValue);
        }

        int groups = inputs / packing.GroupSize;
        int most = (1 << packing.Bits) - 1;

        // Of either sign, and now and then a group of nothing but zeros.
        float[] scales = [.. Enumerable.Range(0, outputs * groups).Select(
            i => i % 9 == 4 ? 0 : 4f / most * (0.5f + random.NextSingle()) * (random.Next(3) == 0 ? -1 : 1))];
        float[] biases = [.. scales.Select(scale => -scale * most / 2 * (0.8f + (0.4f * random.NextSingle())))];
        _scales = MemoryWeightSource.Store(type, scales);
        _biases = MemoryWeightSource.Store(type, biases);
        for (int row = 0; row < outputs; row++)
        {
            for (int i = 0; i < inputs; i++)
            {
                int group = (row * groups) + (i / packing.GroupSize);
                double scaled = (double)MemoryWeightSource.Number(type, _scales, group)
                    * Bits.Value(_words, ((row * inputs) + i) * packing.Bits, packing.Bits);
                double offset = MemoryWeightSource.Number(type, _biases, group);
                Weights[row, i] = scaled + offset;
                Sizes[row, i] = Math.Abs(scaled) + Math.Abs(offset);
            }
        }
    }

    public int Outputs { get; }

    public int Inputs { get; }

    /// <summary>The weights.</summary>
    public double[,] Weights { get; }

    /// <summary>Each weight's terms by their absolute values: what rounding errors are measured against.</summary>
    public double[,] Sizes { get; }

    public double[] Bias { get; }

    public static RandomMatrix Plain(int outputs, int inputs, ElementType type, bool hasBias) => new(outputs, inputs, type, null, hasBias);

    public static RandomMatrix Affine(int outputs, int inputs, QuantizationSpec packing, ElementType type, bool hasBias) =>
        new(outputs, inputs, type, packing, hasBias);

    /// <summary>A matrix whose packed integers are all as large as they can be.</summary>
    public static RandomMatrix Largest(int outputs, int inputs, QuantizationSpec packing) =>
        new(outputs, inputs, ElementType.Float32, packing, hasBias: false, isLargest: true);

    /// <summary>The matrix under test.</summary>
    public WeightMatrix Create(int lanes, bool integers)
    {
        if (_packing is null)
        {
            int size = _type.SizeInBytes();
            int padded = (Inputs + 31) / 32 * 32 * size;
            byte[] rows = new byte[Outputs * padded];
            for (int row = 0; row < Outputs; row++)
            {
                _words.AsSpan(row * Inputs * size, Inputs * size).CopyTo(rows.AsSpan(row * padded));
            }

            return MatrixFactory.CreatePlain(lanes, Outputs, Inputs, _type, Panels(rows, lanes, sizeof(uint)), _bias);
        }

        int groups = Inputs / _packing.GroupSize;
        return AffineFormat.Create(
            lanes,
            Outputs,
            Inputs,
            _packing,
            integers,
            Panels(_words, lanes, sizeof(uint)),
            new GroupNumbers(Panels(_scales, lanes, _type.SizeInBytes()), _type, groups),
            new GroupNumbers(Panels(_biases, lanes, _type.SizeInBytes()), _type, groups),
            _bias);
    }

    // Element after element of a panel's rows, missing rows as zeros.
    private NativeBlock Panels(byte[] rows, int lanes, int elementBytes)
    {
        int rowLength = rows.Length / Outputs / elementBytes;
        NativeBlock block = new((long)(Outputs + lanes - 1) / lanes * lanes * rowLength * elementBytes);
        for (int row = 0; row < Outputs; row++)
        {
            for (int i = 0; i < rowLength; i++)
            {
                long at = ((((long)(row / lanes) * rowLength) + i) * lanes) + (row % lanes);
                rows.AsSpan(((row * rowLength) + i) * elementBytes, elementBytes).CopyTo(new Span<byte>(block.Bytes + (at * elementBytes), elementBytes));
            }
        }

        return block;
    }

    // Both signs, large, small and (as half precision) subnormal numbers, and zero.
    private static float Number(Random random, int i) => (i % 11) switch
    {
        0 => 0,
        1 => 3e-6f * (i % 5),
        2 => -7.5f,
        _ => (2 * random.NextSingle()) - 1,
    };
}

/// <summary>Runs a matrix over tokens the way a step does.</summary>
internal sealed unsafe class MatMulRun : IDisposable
{
    private readonly WeightMatrix _matrix;
    private readonly NativeBlock _x;
    private readonly NativeBlock _arranged;
    private readonly NativeBlock _y;
    private readonly NativeBlock _scratch = new(Tile.ByteCount);
    private readonly int _inputStride;
    private readonly int _outputStride;

    public MatMulRun(WeightMatrix matrix, float[][] x)
    {
        _matrix = matrix;
        _inputStride = (matrix.InputCount + 31) / 32 * 32;
        _outputStride = (matrix.OutputCount + 31) / 32 * 32;
        _x = NativeBlock.OfFloats((long)x.Length * _inputStride);
        _arranged = new NativeBlock((long)x.Length * matrix.ArrangedBytes);
        _y = NativeBlock.OfFloats((long)x.Length * _outputStride);
        for (int token = 0; token < x.Length; token++)
        {
            x[token].CopyTo(new Span<float>(_x.Floats + (token * _inputStride), x[token].Length));
        }
    }

    /// <summary>Multiplies tokens [first, first + count); the panels are computed from either side of a cut.</summary>
    public float[][] Multiply(int first, int count)
    {
        new Span<float>(_y.Floats, count * _outputStride).Fill(float.NaN);
        float* x = _x.Floats + (first * _inputStride);
        if (_matrix.WantsArranged(count))
        {
            for (int token = 0; token < count; token++)
            {
                _matrix.Arrange(x + (token * _inputStride), _arranged.Bytes + (token * _matrix.ArrangedBytes));
            }
        }

        MatMulInput input = new(x, _inputStride, _arranged.Bytes, _matrix.ArrangedBytes, count);
        int cut = Math.Min(2, _matrix.PanelCount);
        _matrix.Multiply(input, new MatMulOutput(_y.Floats, _outputStride), cut, _matrix.PanelCount, _scratch.Bytes);
        _matrix.Multiply(input, new MatMulOutput(_y.Floats, _outputStride), 0, cut, _scratch.Bytes);
        return [.. Enumerable.Range(0, count).Select(token => new Span<float>(_y.Floats + (token * _outputStride), _matrix.OutputCount).ToArray())];
    }

    public void Dispose()
    {
        _x.Dispose();
        _arranged.Dispose();
        _y.Dispose();
        _scratch.Dispose();
    }
}
