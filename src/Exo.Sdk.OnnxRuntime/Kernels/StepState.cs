using System.Runtime.ExceptionServices;
using Exo.Sdk.OnnxRuntime.Weights;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>What the kernels of one shard share during a run of its graphs.</summary>
internal sealed class StepState(int threadCount, NativeFloats scratch) : IDisposable
{
    /// <summary>Threads for computing, the calling one included.</summary>
    internal int ThreadCount { get; } = threadCount;

    /// <summary>Room for one product's arranged inputs.</summary>
    internal NativeFloats Scratch { get; } = scratch;

    /// <summary>The tokens of the run under way.</summary>
    internal int TokenCount { get; set; }

    /// <summary>The first error of the run under way.</summary>
    internal ExceptionDispatchInfo? Failure { get; set; }

    public void Dispose() => Scratch.Dispose();
}
