using System.Runtime.Intrinsics;
using Exo.Sdk.Cpu.Layers;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests.Layers;

/// <summary>What lies between products, at every register width, against the formulas in double precision.</summary>
public sealed class LayerTests(ITestOutputHelper output)
{
    private const double Bound = 2e-6;

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void Layers_follow_their_formulas(int lanes)
    {
        Errors worst = lanes switch
        {
            4 => Kernels<Lanes128, Vector128<float>>.Check(),
            8 => Kernels<Lanes256, Vector256<float>>.Check(),
            _ => Kernels<Lanes512, Vector512<float>>.Check(),
        };
        output.WriteLine($"{lanes} lanes: {worst}");
        worst.Norm.Should().BeLessThan(Bound);
        worst.Rope.Should().BeLessThan(Bound);
        worst.Silu.Should().BeLessThan(Bound);
        worst.Add.Should().Be(0);
    }

    private sealed record Errors(double Norm, double Rope, double Silu, double Add);

    private static unsafe class Kernels<TLanes, TVector>
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        public static Errors Check()
        {
            double norm = 0, rope = 0, silu = 0, add = 0;
            foreach (int length in (int[])[1, 3, 4, 7, 8, 16, 31, 33, 100, 2048])
            {
                norm = Math.Max(norm, Norm(length, inPlace: false));
                norm = Math.Max(norm, Norm(length, inPlace: true));
                add = Math.Max(add, Add(length));
            }

            foreach (int headSize in (int[])[2, 6, 8, 10, 64, 80, 128])
            {
                foreach (RopeScaling? scaling in (RopeScaling?[])[
                    null, new LinearRopeScaling(4), new Llama3RopeScaling(8, 1, 4, 8192), new Llama3RopeScaling(8, 2, 2, 64)])
                {
                    rope = Math.Max(rope, Rope(headSize, new RopeSpec(500000, scaling)));
                }
            }

            silu = Math.Max(Silu(0, 64), Math.Max(Silu(16, 53), Silu(0, 5)));
            return new Errors(norm, rope, silu, add);
        }

        private static double Norm(int length, bool inPlace)
        {
            const float Epsilon = 1e-5f;
            (float[] x, float[] weight, float[] y) = (Random(length, 1), Random(length, 2), new float[length]);
            double root = Math.Sqrt((x.Sum(v => (double)v * v) / length) + Epsilon);
            double[] expected = [.. x.Zip(weight, (v, w) => v / root * w)];
            fixed (float* from = x, other = y)
            {
                float* to = inPlace ? from : other;
                RootMeanSquareNorm<TLanes, TVector>.Apply(from, weight, Epsilon, to);
                return Worst(to, expected, 0, length);
            }
        }

        private static double Add(int length)
        {
            (float[] a, float[] b) = (Random(length, 3), Random(length, 4));
            double[] expected = [.. a.Zip(b, (v, w) => (double)(v + w))];
            fixed (float* p = a, q = b)
            {
                ElementWise<TLanes, TVector>.Add(p, q, length);
                return Worst(p, expected, 0, length);
            }
        }

        private static double Silu(int first, int end)
        {
            float[] gate = Array.ConvertAll(Random(96, 5), v => 30 * v);
            (gate[first], gate[end - 1], gate[first + 1]) = (-200, 200, 0);
            float[] up = Random(96, 6);
            double[] expected = [.. gate.Zip(up, (g, u) => g / (1 + Math.Exp(-(double)g)) * u)];
            float[] before = [.. gate];
            fixed (float* g = gate, u = up)
            {
                ElementWise<TLanes, TVector>.GatedSilu(g, u, first, end);
                gate[..first].Should().Equal(before[..first], "another worker's outputs are left alone");
                return Worst(g, expected, first, end);
            }
        }

        private static double Rope(int headSize, RopeSpec spec)
        {
            using Rope<TLanes, TVector> rope = new(spec, headSize, 4);
            double worst = 0;

            // Tokens 1 to 3 of the step stand at consecutive positions.
            foreach (int position in (int[])[0, 1, 100, 131070])
            {
                rope.Prepare(1, position, 3);
                for (int token = 1; token < 4; token++)
                {
                    float[] x = Random(headSize, token);
                    double[] expected = new double[headSize];
                    for (int i = 0; i < headSize / 2; i++)
                    {
                        double angle = (position + token - 1) * Frequency(spec, i, headSize);
                        (double a, double b) = (x[i], x[i + (headSize / 2)]);
                        expected[i] = (a * Math.Cos(angle)) - (b * Math.Sin(angle));
                        expected[i + (headSize / 2)] = (b * Math.Cos(angle)) + (a * Math.Sin(angle));
                    }

                    fixed (float* p = x)
                    {
                        rope.Apply(p, token);
                        worst = Math.Max(worst, Worst(p, expected, 0, headSize));
                    }
                }
            }

            return worst;
        }

        // As published with Llama 3.1, in wavelengths.
        private static double Frequency(RopeSpec spec, int i, int headSize)
        {
            double frequency = 1 / Math.Pow(spec.Theta, 2.0 * i / headSize);
            if (spec.Scaling is LinearRopeScaling linear)
            {
                return frequency / linear.Factor;
            }

            if (spec.Scaling is not Llama3RopeScaling llama)
            {
                return frequency;
            }

            double wavelength = 2 * Math.PI / frequency;
            if (wavelength < llama.OriginalContextLength / llama.HighFrequencyFactor)
            {
                return frequency;
            }

            if (wavelength > llama.OriginalContextLength / llama.LowFrequencyFactor)
            {
                return frequency / llama.Factor;
            }

            double smooth = ((llama.OriginalContextLength / wavelength) - llama.LowFrequencyFactor) / (llama.HighFrequencyFactor - llama.LowFrequencyFactor);
            return ((1 - smooth) * frequency / llama.Factor) + (smooth * frequency);
        }

        private static float[] Random(int length, int seed)
        {
            Random random = new((length * 10) + seed);
            return [.. Enumerable.Range(0, length).Select(_ => (2 * random.NextSingle()) - 1)];
        }

        private static double Worst(float* actual, double[] expected, int first, int end)
        {
            double worst = 0;
            for (int i = first; i < end; i++)
            {
                double error = Math.Abs(actual[i] - expected[i]) / Math.Max(1, Math.Abs(expected[i]));
                worst = double.IsNaN(error) ? double.PositiveInfinity : Math.Max(worst, error);
            }

            return worst;
        }
    }
}
