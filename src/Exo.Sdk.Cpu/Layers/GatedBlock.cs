using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Cpu.Threading;
using Exo.Sdk.Cpu.Weights;

namespace Exo.Sdk.Cpu.Layers;

/// <summary>The gated feed-forward: Down·(silu(Gate·x) ⊙ (Up·x)).</summary>
internal sealed unsafe class GatedBlock<TLanes, TVector> : LayerBlock, ITeamWork
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    private readonly StepContext<TLanes, TVector> _context;
    private readonly NormWeights _norm;
    private readonly LinearGroup _gateUp;
    private readonly LinearGroup _down;
    private readonly NativeBlock _gated;
    private readonly int _stride;

    internal GatedBlock(GatedWeights weights, StepContext<TLanes, TVector> context)
    {
        _context = context;
        _norm = weights.Norm;
        _gateUp = new LinearGroup(weights.Gate, weights.Up);
        _down = new LinearGroup(weights.Down);
        _stride = 2 * Units.Pad(weights.Gate.OutputCount);
        _gated = context.Buffer("gated", _stride, weights.Gate.OutputCount);
        context.Reserve(_gateUp, _down);
    }

    private enum Stage
    {
        Norm,
        GateUp,
        Arrange,
        Down,
    }

    internal override void Run(ref long time)
    {
        _context.Each(this, (int)Stage.Norm, _context.Tokens);
        _context.Note(StepPhase.Norm, ref time);
        _context.Together(this, (int)Stage.GateUp);
        _context.Note(StepPhase.GateUp, ref time);
        if (_down.WantsArranged(_context.Tokens))
        {
            _context.Each(this, (int)Stage.Arrange, _context.Tokens);
            _context.Note(StepPhase.Norm, ref time);
        }

        _context.Together(this, (int)Stage.Down);
        _context.Note(StepPhase.Down, ref time);
        _context.SumPartials(ref time);
    }

    public void Run(int stage, int worker, int workers)
    {
        switch ((Stage)stage)
        {
            case Stage.Norm:
                _context.Norm(worker, workers, _norm, isFirst: false, _gateUp);
                break;
            case Stage.GateUp:
                GateUp(worker, workers);
                break;
            case Stage.Arrange:
                _context.Arrange(_down, _gated, _stride, worker, workers);
                break;
            case Stage.Down:
                _context.Multiply(_down, _gated, _stride, _context.Partial, worker, workers);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(stage));
        }
    }

    private void GateUp(int worker, int workers)
    {
        (int first, int end) = _gateUp.MultiplyBoth(
            _context.Input(_gateUp, _context.Normed, _context.Width, _context.Tokens),
            StepContext<TLanes, TVector>.Output(_gateUp, _gated),
            worker,
            workers,
            _context.Scratch(worker));
        for (int token = 0; token < _context.Tokens; token++)
        {
            float* gate = _gated.Floats + ((long)token * _gateUp.OutputWidth);
            ElementWise<TLanes, TVector>.GatedSilu(gate, gate + _gateUp.OffsetOf(1), first, end);
        }
    }
}
