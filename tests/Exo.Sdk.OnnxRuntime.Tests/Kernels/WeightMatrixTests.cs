using System.Runtime.InteropServices;
using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Kernels;
using Exo.Sdk.OnnxRuntime.Tests.Support;
using Exo.Sdk.OnnxRuntime.Weights;
using Xunit.Abstractions;

namespace Exo.Sdk.OnnxRuntime.Tests.Kernels;

/// <summary>Every kernel at every register width, also those that this machine computes in software, against sums in double precision.</summary>
public sealed unsafe class WeightMatrixTests(ITestOutputHelper output)
{
    private const double Bound = 2e-6;
    private const int Outputs = 21;
    private const int Tokens = 7;

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    public void Plain_numbers_of_any_width(ElementType type)
    {
        foreach (int inputs in (int[])[1, 3, 16, 31, 64, 129, 1024, 1100])
        {
            using MemoryWeightSource source = new();
            Add(source, "w", type, inputs, i => Number(i));
            double[,] expected = new double[Outputs, inputs];
            for (int i = 0; i < expected.Length; i++)
            {
                expected[i / inputs, i % inputs] = MemoryWeightSource.Number(type, source.Data("w"), i);
            }

            foreach (Func<WeightBytes, WeightMatrix> create in Widths(type, inputs))
            {
                using WeightMatrix matrix = create(Load(source, "w"));
                Check($"{type}, {inputs} inputs", matrix, expected);
            }
        }
    }

    [Theory]
    [InlineData(4, 32, ElementType.Float32)]
    [InlineData(4, 64, ElementType.BFloat16)]
    [InlineData(4, 128, ElementType.Float16)]
    [InlineData(8, 32, ElementType.BFloat16)]
    [InlineData(8, 64, ElementType.Float16)]
    [InlineData(8, 128, ElementType.Float32)]
    public void Affine_packing_of_any_width(int bits, int groupSize, ElementType type)
    {
        foreach (int groups in (int[])[1, 2, 3, 7, 8, 9, 17, 33])
        {
            int inputs = groups * groupSize;
            using MemoryWeightSource source = new();
            byte[] words = new byte[Outputs * inputs * bits / 8];
            new Random(inputs).NextBytes(words);
            source.Add("w", ElementType.UInt32, words, Outputs, inputs * bits / 32);
            Add(source, "s", type, groups, i => Number(i) / 8);
            Add(source, "b", type, groups, i => Number(i + 7));
            double[,] expected = new double[Outputs, inputs];
            for (int row = 0; row < Outputs; row++)
            {
                for (int i = 0; i < inputs; i++)
                {
                    int bit = ((row * inputs) + i) * bits;
                    int value = (words[bit / 8] >> (bit % 8)) & ((1 << bits) - 1);
                    int group = (row * groups) + (i / groupSize);
                    expected[row, i] = ((double)MemoryWeightSource.Number(type, source.Data("s"), group) * value)
                        + MemoryWeightSource.Number(type, source.Data("b"), group);
                }
            }

            foreach (Func<WeightBytes, GroupNumbers, GroupNumbers, WeightMatrix> create in Widths(bits, groupSize, inputs))
            {
                using WeightMatrix matrix = create(
                    Load(source, "w"), new GroupNumbers(Load(source, "s"), type, groups), new GroupNumbers(Load(source, "b"), type, groups));
                Check($"{bits} bits, {groups} groups of {groupSize}, {type}", matrix, expected);
            }
        }
    }

    private static Func<WeightBytes, WeightMatrix>[] Widths(ElementType type, int inputs) => type switch
    {
        ElementType.Float32 => Widths<Float32Packing>(inputs),
        ElementType.Float16 => Widths<Float16Packing>(inputs),
        _ => Widths<BFloat16Packing>(inputs),
    };

    private static Func<WeightBytes, WeightMatrix>[] Widths<TPacking>(int inputs)
        where TPacking : struct, IPacking =>
    [
        weights => new DenseMatrix<Lanes128, TPacking>(Outputs, inputs, weights, null),
        weights => new DenseMatrix<Lanes256, TPacking>(Outputs, inputs, weights, null),
        weights => new DenseMatrix<Lanes512, TPacking>(Outputs, inputs, weights, null),
    ];

    private static Func<WeightBytes, GroupNumbers, GroupNumbers, WeightMatrix>[] Widths(int bits, int groupSize, int inputs) =>
        bits == 4 ? Widths<UInt4Packing>(groupSize, inputs) : Widths<UInt8Packing>(groupSize, inputs);

    private static Func<WeightBytes, GroupNumbers, GroupNumbers, WeightMatrix>[] Widths<TPacking>(int groupSize, int inputs)
        where TPacking : struct, IPacking =>
    [
        (words, scales, biases) => new AffineMatrix<Lanes128, TPacking>(Outputs, inputs, groupSize, words, scales, biases, null),
        (words, scales, biases) => new AffineMatrix<Lanes256, TPacking>(Outputs, inputs, groupSize, words, scales, biases, null),
        (words, scales, biases) => new AffineMatrix<Lanes512, TPacking>(Outputs, inputs, groupSize, words, scales, biases, null),
    ];

    private static void Add(MemoryWeightSource source, string name, ElementType type, int columns, Func<int, float> value)
    {
        float[] values = [.. Enumerable.Range(0, Outputs * columns).Select(value)];
        byte[] data = type switch
        {
            ElementType.Float32 => MemoryMarshal.AsBytes<float>(values).ToArray(),
            ElementType.Float16 => MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, v => (Half)v)).ToArray(),
            _ => MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16))).ToArray(),
        };
        source.Add(name, type, data, Outputs, columns);
    }

    // Covers both signs, large, small and (as half precision) subnormal numbers, and zero.
    private static float Number(int i) => (i % 11) switch
    {
        0 => 0,
        1 => 3e-6f * (i % 5),
        2 => -7.5f,
        _ => MathF.Sin(i * 1.7f),
    };

    private static WeightBytes Load(MemoryWeightSource source, string name)
    {
        TensorInfo info = source.Describe(name);
        return WeightBytes.Load(
            source, name, TensorSlice.Of(IndexRange.All(Outputs), IndexRange.All(info.Shape[1])), source.Data(name).Length, CancellationToken.None);
    }

    private void Check(string name, WeightMatrix matrix, double[,] weights)
    {
        int inputs = matrix.InputCount;
        using NativeFloats x = new(Tokens * inputs);
        using NativeFloats arranged = new(Tokens * matrix.ArrangedLength);
        using NativeFloats vectors = new(Tokens * Outputs);
        using NativeFloats tile = new(Tokens * Outputs);
        Random random = new(inputs);
        for (int i = 0; i < x.Span.Length; i++)
        {
            x.Span[i] = (2 * random.NextSingle()) - 1;
        }

        // Every output is written, from any first to any last one.
        vectors.Span.Fill(float.NaN);
        tile.Span.Fill(float.NaN);
        for (int token = 0; token < Tokens; token++)
        {
            float* prepared = arranged.Address + (token * matrix.ArrangedLength);
            matrix.Arrange(x.Address + (token * inputs), prepared);
            matrix.MultiplyVector(prepared, vectors.Address + (token * Outputs), 0, 10);
            matrix.MultiplyVector(prepared, vectors.Address + (token * Outputs), 10, Outputs);
        }

        matrix.MultiplyTile(arranged.Address, Tokens, tile.Address, 0, 3);
        matrix.MultiplyTile(arranged.Address, Tokens, tile.Address, 3, Outputs);
        double vectorError = 0;
        double tileError = 0;
        for (int token = 0; token < Tokens; token++)
        {
            for (int row = 0; row < Outputs; row++)
            {
                double sum = 0;
                double size = 0;
                for (int i = 0; i < inputs; i++)
                {
                    double term = weights[row, i] * x.Span[(token * inputs) + i];
                    sum += term;
                    size += Math.Abs(term);
                }

                size = Math.Max(size, 1e-30);
                vectorError = Worse(vectorError, Math.Abs(vectors.Span[(token * Outputs) + row] - sum) / size);
                tileError = Worse(tileError, Math.Abs(tile.Span[(token * Outputs) + row] - sum) / size);
            }
        }

        float[] natural = new float[inputs];
        double rowError = 0;
        for (int row = 0; row < Outputs; row++)
        {
            matrix.ReadRow(row, natural);
            for (int i = 0; i < inputs; i++)
            {
                rowError = Worse(rowError, Math.Abs(natural[i] - weights[row, i]) / Math.Max(Math.Abs(weights[row, i]), 1));
            }
        }

        if (Math.Max(vectorError, tileError) > 4e-7 || inputs > 1000)
        {
            output.WriteLine($"{name}, {matrix.GetType().GenericTypeArguments[0].Name}: vector {vectorError:e1}, tile {tileError:e1}, row {rowError:e1}");
        }

        vectorError.Should().BeLessThan(Bound, name);
        tileError.Should().BeLessThan(Bound, name);
        rowError.Should().BeLessThan(Bound, name);
    }

    private static double Worse(double a, double b) => double.IsNaN(b) ? double.PositiveInfinity : Math.Max(a, b);
}
