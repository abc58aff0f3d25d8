using System.Runtime.Intrinsics;
using Exo.Sdk.Cpu.Attention;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests.Attention;

/// <summary>Every form of keys and values at every register width, against softmax attention in double precision.</summary>
public sealed unsafe class AttentionTests(ITestOutputHelper output)
{
    private const int Layers = 2;
    private const int Heads = 2;

    private static readonly int[] Lanes = [4, 8, 16];

    [Theory]
    [InlineData(KeyValuePrecision.Float32, 3e-6)]
    [InlineData(KeyValuePrecision.Float16, 2e-3)]
    [InlineData(KeyValuePrecision.BFloat16, 1.5e-2)]
    [InlineData(KeyValuePrecision.Int8, 3e-2)]
    public void Any_head_size_group_and_window(KeyValuePrecision precision, double bound)
    {
        double worst = 0;
        foreach (int headSize in (int[])[8, 10, 64, 80, 96, 128, 320])
        {
            foreach (int group in (int[])[1, 3, 4, 16])
            {
                foreach (int? window in (int?[])[null, 1, 19])
                {
                    Case test = new(headSize, group, window, 45);
                    double[][] expected = test.Expected();
                    foreach (int lanes in Lanes)
                    {
                        using Run run = new(test, precision, lanes);
                        double error = Error(run.Take(0, 30, 1, 13, 1), expected);
                        worst = Math.Max(worst, error);
                        error.Should().BeLessThan(bound, $"{precision}, heads of {headSize}, groups of {group}, window {window}, {lanes} lanes");
                    }
                }
            }
        }

        output.WriteLine($"{precision}: largest error {worst:e2} of the largest element");
        if (precision != KeyValuePrecision.Float32)
        {
            worst.Should().BeGreaterThan(bound / 50, "the form must really be used");
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(100)]
    [InlineData(300)]
    public void More_positions_than_a_tile_holds(int? window)
    {
        Case test = new(24, 3, window, 600);
        double[][] expected = test.Expected();
        foreach (int lanes in Lanes)
        {
            using Run once = new(test, KeyValuePrecision.Float32, lanes);
            float[][] whole = once.Take(0, 600);
            double error = Error(whole, expected);
            using Run chunks = new(test, KeyValuePrecision.Float32, lanes);
            double cut = Error(chunks.Take(0, 7, 250, 256, 1, 1, 64, 21), Doubles(whole));
            using Run single = new(test, KeyValuePrecision.Float32, lanes);
            double step = Error(single.Take(0, [.. Enumerable.Repeat(1, 600)]), Doubles(whole));
            output.WriteLine($"{lanes} lanes, window {window?.ToString() ?? "none"}: at once {error:e2}, in chunks {cut:e2} and token by token {step:e2} against at once");
            error.Should().BeLessThan(3e-6);
            cut.Should().BeLessThan(1e-5);
            step.Should().BeLessThan(1e-5);
        }
    }

    [Theory]
    [InlineData(KeyValuePrecision.Float32)]
    [InlineData(KeyValuePrecision.Float16)]
    [InlineData(KeyValuePrecision.BFloat16)]
    [InlineData(KeyValuePrecision.Int8)]
    public void A_copied_or_shortened_cache_goes_on_as_if_it_were_new(KeyValuePrecision precision)
    {
        Case first = new(20, 2, null, 50);
        Case second = first.Branch(at: 21);
        foreach (int lanes in Lanes)
        {
            using Run straight = new(second, precision, lanes);
            float[][] expected = straight.Take(0, 21, 29);

            using Run source = new(first, precision, lanes);
            float[][] before = source.Take(0, 50);
            using Run copy = new(second, precision, lanes);
            copy.Cache.CopyFrom(source.Cache);
            copy.Cache.Length.Should().Be(50);
            copy.Take(21, 29)[21..].Should().BeEquivalentTo(expected[21..], options => options.WithStrictOrdering());

            // The source is as it was, and goes another way from an earlier position on.
            source.Take(49, 1)[49].Should().Equal(before[49]);
            using Run shortened = new(second, precision, lanes, source.Cache);
            shortened.Take(21, 29)[21..].Should().BeEquivalentTo(expected[21..], options => options.WithStrictOrdering());
        }
    }

    [Fact]
    public void Half_precision_keeps_numbers_that_a_half_cannot_hold()
    {
        // Far below the smallest normal half, and far above the largest: each position's scale takes care of both.
        Case small = new(8, 1, null, 20, size: 1e-7f);
        Case large = new(8, 1, null, 1, size: 1e7f);
        double[][] expectedSmall = small.Expected();
        double[][] expectedLarge = large.Expected();
        foreach (int lanes in Lanes)
        {
            using Run smallRun = new(small, KeyValuePrecision.Float16, lanes);
            using Run largeRun = new(large, KeyValuePrecision.Float16, lanes);
            double smallError = Error(smallRun.Take(0, 20), expectedSmall);
            double largeError = Error(largeRun.Take(0, 1), expectedLarge);
            output.WriteLine($"{lanes} lanes: {smallError:e2} of numbers around 1e-7, {largeError:e2} of numbers around 1e7");
            smallError.Should().BeLessThan(2e-3);
            largeError.Should().BeLessThan(2e-3);
        }
    }

    [Theory]
    [InlineData(KeyValuePrecision.Float32)]
    [InlineData(KeyValuePrecision.Float16)]
    [InlineData(KeyValuePrecision.BFloat16)]
    [InlineData(KeyValuePrecision.Int8)]
    public void Keys_and_values_of_zeros_give_zeros(KeyValuePrecision precision)
    {
        Case test = new(16, 2, null, 5, size: 0);
        foreach (int lanes in Lanes)
        {
            using Run run = new(test, precision, lanes);
            run.Take(0, 4, 1).SelectMany(row => row).Should().OnlyContain(v => v == 0);
        }
    }

    private static double[][] Doubles(float[][] rows) => [.. rows.Select(row => Array.ConvertAll(row, v => (double)v))];

    private static double Error(float[][] actual, double[][] expected)
    {
        double difference = 0;
        double largest = 0;
        for (int row = 0; row < expected.Length; row++)
        {
            for (int i = 0; i < expected[row].Length; i++)
            {
                double d = Math.Abs(actual[row][i] - expected[row][i]);
                difference = double.IsNaN(d) ? double.PositiveInfinity : Math.Max(difference, d);
                largest = Math.Max(largest, Math.Abs(expected[row][i]));
            }
        }

        return difference / largest;
    }

    /// <summary>Queries, keys and values of some positions; queries <c>[positions, heads, group, head size]</c>.</summary>
    private sealed class Case
    {
        private readonly Random _random;

        public Case(int headSize, int group, int? window, int positions, float size = 1)
        {
            _random = new Random((headSize * 100) + group);
            (HeadSize, Group, Window, Positions) = (headSize, group, window, positions);
            Queries = Rows(positions, Heads * group * headSize, 1);
            Keys = Rows(positions, Heads * headSize, size);
            Values = Rows(positions, Heads * headSize, size);
        }

        public int HeadSize { get; }

        public int Group { get; }

        public int? Window { get; }

        public int Positions { get; }

        public float[][] Queries { get; private init; }

        public float[][] Keys { get; private init; }

        public float[][] Values { get; private init; }

        /// <summary>The same up to a position, and other numbers from there on.</summary>
        public Case Branch(int at)
        {
            Case other = new(HeadSize + 1, Group, Window, Positions);
            return new Case(HeadSize, Group, Window, Positions)
            {
                Queries = Join(Queries, other.Queries),
                Keys = Join(Keys, other.Keys),
                Values = Join(Values, other.Values),
            };

            float[][] Join(float[][] head, float[][] tail) =>
                [.. head[..at], .. tail[at..].Select((row, i) => row[..head[i].Length])];
        }

        public double[][] Expected()
        {
            double[][] rows = [.. Enumerable.Range(0, Positions).Select(_ => new double[Heads * Group * HeadSize])];
            for (int position = 0; position < Positions; position++)
            {
                int first = Window is { } window ? Math.Max(0, position - window + 1) : 0;
                for (int query = 0; query < Heads * Group; query++)
                {
                    int key = query / Group * HeadSize;
                    double[] scores = new double[position + 1 - first];
                    for (int p = first; p <= position; p++)
                    {
                        for (int i = 0; i < HeadSize; i++)
                        {
                            scores[p - first] += (double)Queries[position][(query * HeadSize) + i] * Keys[p][key + i] / Math.Sqrt(HeadSize);
                        }
                    }

                    double top = scores.Max();
                    double sum = scores.Sum(score => Math.Exp(score - top));
                    for (int p = first; p <= position; p++)
                    {
                        double weight = Math.Exp(scores[p - first] - top) / sum;
                        for (int i = 0; i < HeadSize; i++)
                        {
                            rows[position][(query * HeadSize) + i] += weight * Values[p][key + i];
                        }
                    }
                }
            }

            return rows;
        }

        private float[][] Rows(int count, int length, float size) => [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, length).Select(
            _ => size * MathF.Sqrt(-2 * MathF.Log(1 - _random.NextSingle())) * MathF.Cos(2 * MathF.PI * _random.NextSingle())).ToArray())];
    }

    /// <summary>A kernel and a cache, used the way a step uses them, in the last of some layers.</summary>
    private sealed class Run : IDisposable
    {
        private const int Layer = Layers - 1;

        private readonly Case _case;
        private readonly AttentionKernel _kernel;
        private readonly NativeBlock _scratch;
        private readonly NativeBlock _queries;
        private readonly NativeBlock _outputs;
        private readonly bool _ownsCache;

        public Run(Case test, KeyValuePrecision precision, int lanes, SequenceCache? cache = null)
        {
            _case = test;
            _kernel = lanes switch
            {
                4 => Create<Lanes128, Vector128<float>>(precision),
                8 => Create<Lanes256, Vector256<float>>(precision),
                _ => Create<Lanes512, Vector512<float>>(precision),
            };
            _ownsCache = cache is null;
            Cache = cache ?? new SequenceCache([.. Enumerable.Repeat(new LayerCache(_kernel.Shape, test.Window ?? int.MaxValue), Layers)]);
            _scratch = new NativeBlock(_kernel.ScratchBytes);
            _queries = NativeBlock.OfFloats((long)test.Positions * test.Queries[0].Length);
            _outputs = NativeBlock.OfFloats((long)test.Positions * test.Queries[0].Length);
        }

        public SequenceCache Cache { get; }

        /// <summary>Takes chunks of positions, one after the other; gives the results of all positions.</summary>
        public float[][] Take(int position, params int[] chunks)
        {
            int width = _case.Queries[0].Length;
            foreach (int count in chunks)
            {
                for (int head = 0; head < Heads; head++)
                {
                    Append(head, position, count);
                    Attend(head, position, count, width);
                }

                position += count;
                Cache.Length = position;
            }

            return [.. Enumerable.Range(0, _case.Positions).Select(p => new Span<float>(_outputs.Floats + (p * width), width).ToArray())];
        }

        public void Dispose()
        {
            if (_ownsCache)
            {
                Cache.Dispose();
            }

            _scratch.Dispose();
            _queries.Dispose();
            _outputs.Dispose();
        }

        private void Append(int head, int position, int count)
        {
            for (int p = position; p < position + count; p++)
            {
                fixed (float* key = _case.Keys[p], value = _case.Values[p])
                {
                    _kernel.Append(Cache.Head(Layer, head), p, key + (head * _case.HeadSize), value + (head * _case.HeadSize));
                }
            }
        }

        private void Attend(int head, int position, int count, int width)
        {
            for (int p = position; p < position + count; p++)
            {
                _case.Queries[p].CopyTo(new Span<float>(_queries.Floats + (p * width), width));
            }

            long offset = ((long)position * width) + (head * _case.Group * _case.HeadSize);
            int all = count * _case.Group;
            for (int first = 0; first < all; first += AttentionKernel.RowsAtOnce)
            {
                QueryRows rows = new(
                    _queries.Floats + offset, width, _outputs.Floats + offset, width, _case.Group, first,
                    Math.Min(AttentionKernel.RowsAtOnce, all - first), position, _case.Window ?? int.MaxValue, 1 / MathF.Sqrt(_case.HeadSize));
                _kernel.Attend(Cache.Head(Layer, head), rows, _scratch.Bytes);
            }
        }

        private AttentionKernel Create<TLanes, TVector>(KeyValuePrecision precision)
            where TLanes : struct, ILanes<TVector>
            where TVector : struct => precision switch
            {
                KeyValuePrecision.Float32 => Create<TLanes, TVector, Float32Format>(),
                KeyValuePrecision.Float16 => Create<TLanes, TVector, ScaledFloat16Format>(),
                KeyValuePrecision.BFloat16 => Create<TLanes, TVector, BFloat16Format>(),
                _ => Create<TLanes, TVector, Int8Format>(),
            };

        private TiledAttention<TLanes, TVector, TFormat> Create<TLanes, TVector, TFormat>()
            where TLanes : struct, ILanes<TVector>
            where TVector : struct
            where TFormat : struct, IKeyValueFormat => new(new CacheShape(
                Heads, _case.HeadSize, _case.Positions, TLanes.Count, TFormat.ElementBytes, TFormat.HasScales));
    }
}
