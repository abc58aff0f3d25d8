using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Exo.Sdk.Diagnostics;

/// <summary>What one phase took of a step.</summary>
/// <param name="Phase">The phase.</param>
/// <param name="Microseconds">All its spans together.</param>
/// <param name="Calls">How many spans.</param>
public readonly record struct PhaseTime(StepPhase Phase, double Microseconds, double Calls)
{
    /// <summary>Microseconds of one span.</summary>
    public double MicrosecondsPerCall => Calls > 0 ? Microseconds / Calls : 0;
}

/// <summary>Where the time of one step went, or of the middle one of many. Immutable.</summary>
public sealed class StepProfile
{
    private StepProfile(double microseconds, double unattributed, IReadOnlyList<PhaseTime> phases) =>
        (Microseconds, UnattributedMicroseconds, Phases) = (microseconds, unattributed, phases);

    /// <summary>From the scheduler's start to the last token handed out.</summary>
    public double Microseconds { get; }

    /// <summary>The phases that occur, in the order of <see cref="StepPhase"/>.</summary>
    public IReadOnlyList<PhaseTime> Phases { get; }

    /// <summary>Microseconds that no phase accounts for: calls between engine and shard.</summary>
    public double UnattributedMicroseconds { get; }

    /// <summary>
    /// Divides a timeline into steps. A step begins with <see cref="StepPhase.Schedule"/>; those that compute nothing, because they only
    /// change the cache, are left out.
    /// </summary>
    /// <param name="spans">What a <see cref="StepTimeline"/> has recorded, in order.</param>
    /// <returns>One profile for each step, in order.</returns>
    public static IReadOnlyList<StepProfile> Split(ReadOnlySpan<StepSpan> spans)
    {
        List<StepProfile> steps = [];
        while (StepSpans.TryTake(ref spans, out ReadOnlySpan<StepSpan> step))
        {
            steps.Add(Of(step));
        }

        return steps;
    }

    /// <summary>The middle of several steps: each number is the median of its own.</summary>
    /// <param name="steps">At least one.</param>
    /// <returns>The profile.</returns>
    /// <exception cref="ArgumentException">There is no step.</exception>
    public static StepProfile Median(IReadOnlyCollection<StepProfile> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        if (steps.Count == 0)
        {
            throw new ArgumentException("There is no step to take the median of.", nameof(steps));
        }

        PhaseTime[] phases =
        [
            .. steps.SelectMany(static step => step.Phases).Select(static phase => phase.Phase).Distinct().Order().Select(phase =>
            {
                PhaseTime[] times = [.. steps.Select(step => step.Phases.FirstOrDefault(time => time.Phase == phase))];
                return new PhaseTime(phase, Middle(times.Select(static time => time.Microseconds)), Middle(times.Select(static time => time.Calls)));
            }),
        ];
        return new StepProfile(
            Middle(steps.Select(static step => step.Microseconds)), Middle(steps.Select(static step => step.UnattributedMicroseconds)), phases);
    }

    /// <summary>A table for people: microseconds, share, calls and microseconds of a call, by phase.</summary>
    /// <returns>Lines that end with a line feed.</returns>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append("| Phase           |        µs |  share | calls | µs a call |\n| --------------- | --------- | ------ | ----- | --------- |\n");
        foreach (PhaseTime phase in Phases)
        {
            Add(Name(phase.Phase), phase.Microseconds, phase.Calls);
        }

        Add("between", UnattributedMicroseconds, 0);
        Add("whole step", Microseconds, 1);
        return text.ToString();

        void Add(string name, double microseconds, double calls)
        {
            string count = calls > 0 ? calls.ToString("0.#", CultureInfo.InvariantCulture) : "";
            string each = calls > 0 ? (microseconds / calls).ToString("F1", CultureInfo.InvariantCulture) : "";
            text.Append(CultureInfo.InvariantCulture, $"| {name,-15} | {microseconds,9:F1} | {100 * microseconds / Math.Max(Microseconds, 1e-9),4:F1} % | {count,5} | {each,9} |\n");
        }
    }

    /// <summary>A phase's name for people.</summary>
    internal static string Name(StepPhase phase) => phase switch
    {
        StepPhase.QueryKeyValue => "q, k, v",
        StepPhase.AttentionOutput => "attention out",
        StepPhase.GateUp => "gate, up",
        StepPhase.AllReduce => "all-reduce",
        _ => phase.ToString().ToLowerInvariant(),
    };

    private static StepProfile Of(ReadOnlySpan<StepSpan> step)
    {
        double[] microseconds = new double[Enum.GetValues<StepPhase>().Length];
        int[] calls = new int[microseconds.Length];
        foreach (ref readonly StepSpan span in step)
        {
            microseconds[(int)span.Phase] += span.Duration.TotalMicroseconds;
            calls[(int)span.Phase]++;
        }

        double whole = Stopwatch.GetElapsedTime(step[0].Start, step[^1].End).TotalMicroseconds;
        return new StepProfile(
            whole,
            Math.Max(0, whole - microseconds.Sum()),
            [.. Enum.GetValues<StepPhase>().Where(phase => calls[(int)phase] > 0).Select(phase => new PhaseTime(phase, microseconds[(int)phase], calls[(int)phase]))]);
    }

    private static double Middle(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
