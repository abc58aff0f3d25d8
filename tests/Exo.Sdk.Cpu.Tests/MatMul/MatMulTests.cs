using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests.MatMul;

/// <summary>
/// Every packing at every register width, also those that this machine computes in software, against sums in double precision. Exact products
/// are measured against the sum of their terms' absolute values, those with 8-bit inputs by their norm.
/// </summary>
public sealed class MatMulTests(ITestOutputHelper output)
{
    private const double ExactBound = 1.5e-6;
    private const double CompanyBound = 1e-5;
    private const double IntegerBound = 8e-3;
    private const int MostTokens = 48;

    private static readonly int[] TokenCounts = [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 25, MostTokens];
    private static readonly int[] Lanes = [4, 8, 16];
    private static readonly ElementType[] Types = [ElementType.Float32, ElementType.Float16, ElementType.BFloat16];

    public static TheoryData<int, int> Packings()
    {
        TheoryData<int, int> packings = [];
        foreach (int bits in (int[])[2, 3, 4, 5, 6, 8])
        {
            foreach (int groupSize in (int[])[32, 64, 128])
            {
                packings.Add(bits, groupSize);
            }
        }

        return packings;
    }

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    public void Plain_numbers(ElementType type)
    {
        Errors worst = default;
        foreach ((int outputs, int inputs) in ((int, int)[])[(1, 1), (3, 31), (16, 32), (17, 257), (21, 64), (33, 33), (5, 1100)])
        {
            worst = worst.With(Check(RandomMatrix.Plain(outputs, inputs, type, hasBias: outputs % 2 == 1), integers: false, $"{type} [{outputs}, {inputs}]"));
        }

        output.WriteLine($"{type}: {worst}");
    }

    [Theory]
    [MemberData(nameof(Packings))]
    public void Affine_packings(int bits, int groupSize)
    {
        (int, int)[] shapes =
        [
            (1, 1), (3, 3), (16, (Tile.Depth / groupSize) + 1), (17, 2), (21, (Tile.IntegerDepth / groupSize) + 3), (33, 5),
        ];
        foreach (bool integers in (bool[])[false, true])
        {
            Errors worst = default;
            foreach ((int outputs, int groups) in shapes)
            {
                foreach (ElementType type in outputs == 21 ? Types[..1] : Types)
                {
                    RandomMatrix matrix = RandomMatrix.Affine(outputs, groups * groupSize, new(bits, groupSize), type, hasBias: outputs % 2 == 1);
                    worst = worst.With(Check(matrix, integers, $"{bits} bits, {groups} groups of {groupSize}, {type}, {outputs} outputs"));
                }
            }

            output.WriteLine($"{bits} bits, groups of {groupSize}, {(integers ? "8-bit" : "f32")} inputs: {worst}");
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(8)]
    public void Rows_of_more_groups_than_are_summed_at_once(int bits)
    {
        RandomMatrix matrix = RandomMatrix.Affine(3, (Tile.Groups + 1) * 32, new(bits, 32), ElementType.BFloat16, hasBias: true);
        foreach (bool integers in (bool[])[false, true])
        {
            output.WriteLine($"{bits} bits, {Tile.Groups + 1} groups, {(integers ? "8-bit" : "f32")} inputs: {Check(matrix, integers, $"{bits} bits")}");
        }
    }

    [Theory]
    [MemberData(nameof(Packings))]
    public void The_largest_integers_do_not_overflow(int bits, int groupSize)
    {
        RandomMatrix source = RandomMatrix.Largest(21, 3 * groupSize, new(bits, groupSize));

        // Constant inputs are exact in 8 bits: ±127 throughout.
        float[][] x = [.. Enumerable.Range(0, 7).Select(token => Enumerable.Repeat(token % 2 == 0 ? 1f : -1f, source.Inputs).ToArray())];
        (double[][] expected, double[][] sizes, _) = Reference(source, x);
        double worst = 0;
        foreach (int lanes in Lanes)
        {
            using WeightMatrix matrix = source.Create(lanes, integers: true);
            using MatMulRun run = new(matrix, x);
            foreach (float[][] y in (float[][][])[run.Multiply(0, 7), [run.Multiply(0, 1)[0], run.Multiply(1, 1)[0]]])
            {
                for (int token = 0; token < y.Length; token++)
                {
                    for (int row = 0; row < source.Outputs; row++)
                    {
                        worst = Worse(worst, Math.Abs(y[token][row] - expected[token][row]) / sizes[token][row]);
                    }
                }
            }
        }

        output.WriteLine($"{bits} bits, groups of {groupSize}: {worst:e1}");
        worst.Should().BeLessThan(ExactBound);
    }

    private static float[][] Inputs(int inputs)
    {
        Random random = new(inputs);
        float[][] x = [.. Enumerable.Range(0, MostTokens).Select(_ => Enumerable.Range(0, inputs).Select(
            _ => MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle())).ToArray())];

        // A token whose first group is all zeros, one that is nothing else, one of large and one of small numbers.
        Array.Clear(x[1], 0, Math.Min(128, inputs));
        Array.Clear(x[3]);
        x[5] = Array.ConvertAll(x[5], v => v * 1e4f);
        x[7] = Array.ConvertAll(x[7], v => v * 1e-6f);
        return x;
    }

    private static Errors Check(RandomMatrix source, bool integers, string name)
    {
        float[][] x = Inputs(source.Inputs);
        (double[][] expected, double[][] sizes, double[][] norms) = Reference(source, x);
        Errors worst = default;
        foreach (int lanes in Lanes)
        {
            using WeightMatrix matrix = source.Create(lanes, integers);
            using MatMulRun run = new(matrix, x);
            float[][] alone = [.. Enumerable.Range(0, MostTokens).Select(token => run.Multiply(token, 1)[0])];
            bool rounds = matrix.Form.Kind == InputKind.Integers;
            foreach (int count in TokenCounts)
            {
                float[][] y = run.Multiply(0, count);
                worst = worst.With(Compare(y, alone, expected, sizes, norms, source.Bias, rounds));
            }

            worst = worst.With(new Errors(0, 0, 0, RowError(source, matrix)));
            worst.Exact.Should().BeLessThan(ExactBound, $"{name}, {lanes} lanes");
            worst.Company.Should().BeLessThan(CompanyBound, $"{name}, {lanes} lanes");
            worst.Rounded.Should().BeLessThan(IntegerBound, $"{name}, {lanes} lanes");
            worst.Row.Should().BeLessThan(ExactBound, $"{name}, {lanes} lanes");
            if (rounds)
            {
                worst.Rounded.Should().BeGreaterThan(1e-3, "8-bit inputs must really be used");
            }
        }

        return worst;
    }

    private static (double[][] Expected, double[][] Sizes, double[][] Norms) Reference(RandomMatrix source, float[][] x)
    {
        double[][] expected = Rows(), sizes = Rows(), norms = Rows();
        for (int token = 0; token < x.Length; token++)
        {
            for (int row = 0; row < source.Outputs; row++)
            {
                double sum = source.Bias[row], size = Math.Abs(sum), squares = 0;
                for (int i = 0; i < source.Inputs; i++)
                {
                    double term = source.Weights[row, i] * x[token][i];
                    sum += term;
                    size += source.Sizes[row, i] * Math.Abs(x[token][i]);
                    squares += term * term;
                }

                expected[token][row] = sum;
                sizes[token][row] = Math.Max(size, 1e-30);
                norms[token][row] = squares;
            }
        }

        return (expected, sizes, norms);

        double[][] Rows() => [.. Enumerable.Range(0, x.Length).Select(_ => new double[source.Outputs])];
    }

    private static Errors Compare(
        float[][] y, float[][] alone, double[][] expected, double[][] sizes, double[][] norms, double[] bias, bool rounds)
    {
        double exact = 0, company = 0, rounded = 0;
        for (int token = 0; token < y.Length; token++)
        {
            double difference = 0, norm = 0;
            for (int row = 0; row < y[token].Length; row++)
            {
                double error = Math.Abs(y[token][row] - expected[token][row]);
                exact = Worse(exact, rounds ? 0 : error / sizes[token][row]);
                difference += error * error;
                norm += norms[token][row] + (bias[row] * bias[row]);

                // The expected size of a sum of terms of either sign is the root of their squares.
                double size = Math.Max(Math.Sqrt(norms[token][row] + (bias[row] * bias[row])), sizes[token][row] / 30);
                company = Worse(company, Math.Abs((double)y[token][row] - alone[token][row]) / size);
            }

            rounded = Worse(0, rounds && norm > 0 ? rounded + (difference / norm / y.Length) : rounded);
        }

        // A mean needs many; the fewer agree with them one by one.
        return new Errors(exact, company, y.Length == MostTokens ? Math.Sqrt(rounded) : 0, 0);
    }

    private static double RowError(RandomMatrix source, WeightMatrix matrix)
    {
        double worst = 0;
        float[] row = new float[source.Inputs];
        for (int i = 0; i < source.Outputs; i++)
        {
            Array.Fill(row, float.NaN);
            matrix.ReadRow(i, row);
            for (int column = 0; column < row.Length; column++)
            {
                worst = Worse(worst, Math.Abs(row[column] - source.Weights[i, column]) / Math.Max(source.Sizes[i, column], 1e-30));
            }
        }

        return worst;
    }

    private static double Worse(double a, double b) => double.IsNaN(b) ? double.PositiveInfinity : Math.Max(a, b);

    /// <summary>The largest errors.</summary>
    /// <param name="Exact">Of exact products, relative to the sum of the terms' absolute values.</param>
    /// <param name="Company">Between a token alone and in company.</param>
    /// <param name="Rounded">Of products with 8-bit inputs: ‖error‖ by the expected ‖product‖ of a token, root of the mean square over tokens.</param>
    /// <param name="Row">Of rows that are read.</param>
    private readonly record struct Errors(double Exact, double Company, double Rounded, double Row)
    {
        public Errors With(Errors other) => new(
            Worse(Exact, other.Exact), Worse(Company, other.Company), Worse(Rounded, other.Rounded), Worse(Row, other.Row));

        public override string ToString() => $"exact {Exact:e1}, 8-bit {Rounded:e1}, alone against in company {Company:e1}, rows {Row:e1}";
    }
}
