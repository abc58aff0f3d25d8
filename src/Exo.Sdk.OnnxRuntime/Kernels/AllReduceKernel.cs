using System.Runtime.ExceptionServices;
using Exo.Sdk.OnnxRuntime.Native;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>The node that sums <c>[1, tokens, width]</c> over all ranks, in place, on the thread that runs the graph.</summary>
internal sealed unsafe class AllReduceKernel(ICollective group, int width, StepState state) : GraphKernel
{
    internal override void Run(nint context)
    {
        int length = state.TokenCount * width;
        float* input = NativeApi.GetInput(context, 0);
        float* output = NativeApi.GetOutput(context, 0, [1, state.TokenCount, width]);
        Span<float> values = new(output, length);
        if (input != output)
        {
            new ReadOnlySpan<float>(input, length).CopyTo(values);
        }

        group.AllReduceSum(values);
    }

    internal override void Fail(Exception error) => state.Failure ??= ExceptionDispatchInfo.Capture(error);
}
