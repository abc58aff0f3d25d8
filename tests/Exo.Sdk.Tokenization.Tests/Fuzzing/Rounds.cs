using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace Exo.Sdk.Tokenization.Tests.Fuzzing;

/// <summary>
/// Runs cases drawn at random, each within bounds of time and memory. A run of the tests takes the same cases every time;
/// with EXO_FUZZ_SECONDS in the environment each test goes on with new ones for as long, and EXO_FUZZ_SEED is the first seed.
/// </summary>
internal static class Rounds
{
    private const int DefaultSeed = 20_260_108;

    // A case takes a second or two at most; the rest is for a machine that does other things at the same time.
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(30);

    /// <summary>Runs the cases.</summary>
    /// <param name="cases">How many always run.</param>
    /// <param name="maxBytes">The most bytes that one may allocate in all.</param>
    /// <param name="next">Makes the next case, and gives what describes it and what runs it.</param>
    /// <param name="output">Where a summary goes.</param>
    /// <exception cref="Exception">A case broke a bound, or failed with an error that is none of ours.</exception>
    public static void Run(int cases, long maxBytes, Func<Random, (string Input, Action Run)> next, ITestOutputHelper output)
    {
        double seconds = Given("EXO_FUZZ_SECONDS") ?? 0;
        int first = (int)(Given("EXO_FUZZ_SEED") ?? DefaultSeed);
        long start = Stopwatch.GetTimestamp();
        int done = 0, refused = 0;
        (TimeSpan Time, int Seed) slowest = default;
        (long Bytes, int Seed) largest = default;
        for (; done < cases || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds; done++)
        {
            int seed = first + done;
            (string input, Action run) = next(new Random(seed));
            long before = GC.GetAllocatedBytesForCurrentThread(), began = Stopwatch.GetTimestamp();
            try
            {
                run();
            }
            catch (ExoException e)
            {
                e.Message.Should().NotMatchRegex(@"[\p{Cc}\p{Cf}\p{Cs}]", "errors are printed: seed {0}", seed);
                refused++;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"the case of seed {seed} ends with {e.GetType()}: {Shown(input)}", e);
            }

            (long bytes, TimeSpan time) = (GC.GetAllocatedBytesForCurrentThread() - before, Stopwatch.GetElapsedTime(began));
            slowest = time > slowest.Time ? (time, seed) : slowest;
            largest = bytes > largest.Bytes ? (bytes, seed) : largest;
            time.Should().BeLessThan(MaxTime, "of the case of seed {0}: {1}", seed, Shown(input));
            bytes.Should().BeLessThan(maxBytes, "of the case of seed {0}: {1}", seed, Shown(input));
        }

        output.WriteLine($"{done} cases, {refused} refused; slowest {slowest.Time.TotalMilliseconds:0} ms (seed {slowest.Seed}), largest {largest.Bytes / 1e6:0} MB (seed {largest.Seed})");
    }

    private static double? Given(string variable) =>
        double.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out double value) ? value : null;

    private static string Shown(string input) => (input.Length <= 2000 ? input : $"{input.AsSpan(0, 2000)}…").Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal);
}
