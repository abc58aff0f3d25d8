using Exo.Sdk.Mlx.Native;

namespace Exo.Sdk.Mlx.Layers;

/// <summary>The masks of a step's sequences, one for each window that a layer has: layers of equal windows share them.</summary>
internal sealed class WindowMasks(MlxOperations operations)
{
    private readonly Dictionary<(int Sequence, int Window), MlxArray> _masks = [];

    /// <summary>Begins a step.</summary>
    internal void Clear() => _masks.Clear();

    /// <summary>The first position that any token of a sequence's step may look at.</summary>
    internal static int FirstVisible(in SequenceStep step, int? window) => window is { } size ? Math.Max(0, step.Position - size + 1) : 0;

    /// <summary>Which token may look at which key; none where the rule of causality says it: without a window, for one token, or before the window hides a key.</summary>
    /// <param name="sequence">The sequence's place in the step.</param>
    /// <param name="step">Its step.</param>
    /// <param name="window">The window.</param>
    internal MlxArray Of(int sequence, in SequenceStep step, int? window)
    {
        if (window is not { } size || step.Count == 1 || step.Position + step.Count <= size)
        {
            return MlxArray.None;
        }

        if (!_masks.TryGetValue((sequence, size), out MlxArray mask))
        {
            mask = Create(step, size);
            _masks.Add((sequence, size), mask);
        }

        return mask;
    }

    private MlxArray Create(in SequenceStep step, int window)
    {
        int first = FirstVisible(step, window);
        int length = step.Position + step.Count - first;
        bool[] mask = new bool[checked(step.Count * length)];
        for (int i = 0; i < step.Count; i++)
        {
            int position = step.Position + i;
            int from = Math.Max(first, position - window + 1);
            mask.AsSpan((i * length) + from - first, position - from + 1).Fill(true);
        }

        return operations.Data<bool>(mask, MlxType.Boolean, step.Count, length);
    }
}
