namespace Exo.Sdk.Diagnostics;

/// <summary>Finds the steps in a timeline.</summary>
internal static class StepSpans
{
    /// <summary>Takes the next step that computes something off the front.</summary>
    /// <param name="spans">A timeline, in order; afterwards what follows the step.</param>
    /// <param name="step">The step's spans.</param>
    /// <returns>Whether there was one.</returns>
    internal static bool TryTake(ref ReadOnlySpan<StepSpan> spans, out ReadOnlySpan<StepSpan> step)
    {
        while (!spans.IsEmpty)
        {
            int length = 1;
            while (length < spans.Length && spans[length].Phase != StepPhase.Schedule)
            {
                length++;
            }

            step = spans[..length];
            spans = spans[length..];
            if (step[0].Phase == StepPhase.Schedule && step[^1].Phase == StepPhase.Sample && length > 2)
            {
                return true;
            }
        }

        step = default;
        return false;
    }
}
