using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Cpu.Weights;

namespace Exo.Sdk.Cpu.Layers;

/// <summary>The gated feed-forward: Down·(silu(Gate·x) ⊙ (Up·x)).</summary>
internal sealed unsafe class GatedBlock<TLanes, TVector>(GatedWeights weights, StepContext<TLanes, TVector> context) : LayerBlock<TLanes, TVector>(
    context,
    weights.Norm,
    isFirst: false,
    new LinearGroup(weights.Gate, weights.Up),
    new LinearGroup(weights.Down),
    ("gated", 2 * Units.Pad(weights.Gate.OutputCount), weights.Gate.OutputCount),
    StepPhase.Down)
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    protected override void RunOwn(ref long time)
    {
        Context.Together(this, FirstOwnStage);
        Context.Note(StepPhase.GateUp, ref time);
    }

    protected override void RunOwn(int stage, int worker, int workers)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(stage, FirstOwnStage);
        GateUp(worker, workers);
    }

    private void GateUp(int worker, int workers)
    {
        (int first, int end) = Input.MultiplyBoth(
            Context.Input(Input, Context.Normed, Context.Width, Context.Tokens),
            StepContext<TLanes, TVector>.Output(Input, Result),
            worker,
            workers,
            Context.Scratch(worker));
        for (int token = 0; token < Context.Tokens; token++)
        {
            float* gate = Result.Floats + ((long)token * Input.OutputWidth);
            ElementWise<TLanes, TVector>.GatedSilu(gate, gate + Input.OffsetOf(1), first, end);
        }
    }
}
