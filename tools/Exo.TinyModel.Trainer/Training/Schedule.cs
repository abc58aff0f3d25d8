namespace Exo.TinyModel.Trainer.Training;

/// <summary>
/// Warm-up, a plateau, then a linear fall to zero over the last part (Hu et al., 2024, "WSD"). The plateau does not depend on the
/// number of steps, so a run with a time limit can choose it late, and the same number given as --steps repeats the run exactly.
/// </summary>
internal sealed class Schedule(int? steps, double? minutes)
{
    private const double Plateau = 0.7;
    private const int WarmUp = 60;

    /// <summary>The number of steps, once known.</summary>
    public int? Steps { get; private set; } = steps;

    /// <summary>The factor for a step, or null when training is over.</summary>
    public double? Rate(int step, TimeSpan elapsed)
    {
        if (Steps is null && elapsed.TotalMinutes >= Plateau * minutes)
        {
            Steps = (int)Math.Ceiling(step / Plateau);
        }
        if (step >= Steps)
        {
            return null;
        }
        var fall = Steps is { } total ? Math.Min(1, (total - step) / ((1 - Plateau) * total)) : 1;
        return fall * Math.Min(1, (step + 1.0) / WarmUp);
    }

    /// <summary>How long the rest will take, as far as that can be said.</summary>
    public TimeSpan Remaining(int step, TimeSpan elapsed) =>
        Steps is { } total ? elapsed * ((double)(total - step) / Math.Max(1, step)) : TimeSpan.FromMinutes(minutes!.Value) - elapsed;
}
