using System.Runtime.ExceptionServices;
using Exo.Sdk.OnnxRuntime.Native;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>The node that sums consecutive inputs: <c>[1, tokens, inputs]</c> to <c>[1, tokens, inputs/group]</c>.</summary>
internal sealed unsafe class GroupSumsKernel(int inputCount, int groupSize, StepState state) : GraphKernel
{
    internal override void Run(nint context)
    {
        int groups = inputCount / groupSize;
        float* x = NativeApi.GetInput(context, 0);
        float* sums = NativeApi.GetOutput(context, 0, [1, state.TokenCount, groups]);
        for (long group = 0; group < (long)state.TokenCount * groups; group++)
        {
            sums[group] = Sum(x + (group * groupSize), groupSize);
        }
    }

    internal override void Fail(Exception error) => state.Failure ??= ExceptionDispatchInfo.Capture(error);

    /// <summary>The sum of a whole number of registers.</summary>
    internal static float Sum(float* x, int count)
    {
        Lanes128 sum = Lanes128.Zero;
        for (int i = 0; i < count; i += Lanes128.Count)
        {
            sum = Lanes128.Add(sum, Lanes128.Load(x + i));
        }

        return Lanes128.Sum(sum);
    }
}
