using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Cpu.Threading;
using Exo.Sdk.Cpu.Weights;

namespace Exo.Sdk.Cpu.Layers;

/// <summary>
/// Half a layer's kernel: from the residual stream and what the part before gave, to what this part gives, in
/// <see cref="StepContext{TLanes, TVector}.Partial"/>. It runs in stages, each shared among the team. The norm before it and the projection
/// back are the same for every part; what lies between is the part's own.
/// </summary>
internal abstract class LayerBlock<TLanes, TVector> : ITeamWork
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    /// <summary>The number of the first stage that is the part's own.</summary>
    protected const int FirstOwnStage = (int)Stage.Output + 1;

    private readonly NormWeights _norm;
    private readonly bool _isFirst;
    private readonly LinearGroup _output;
    private readonly StepPhase _outputPhase;

    /// <summary>Takes the matrices at both ends.</summary>
    /// <param name="context">What all parts share.</param>
    /// <param name="norm">The norm before the part.</param>
    /// <param name="isFirst">Whether it is the model's first part, so that nothing is to be added to the residual stream.</param>
    /// <param name="input">The matrices that the normed residual stream goes through.</param>
    /// <param name="output">The projection back.</param>
    /// <param name="result">What goes through it: purpose, stride and used numbers of its buffer.</param>
    /// <param name="outputPhase">What the time of the projection is noted as.</param>
    protected LayerBlock(
        StepContext<TLanes, TVector> context,
        NormWeights norm,
        bool isFirst,
        LinearGroup input,
        LinearGroup output,
        (string Purpose, int Stride, int Used) result,
        StepPhase outputPhase)
    {
        Context = context;
        _norm = norm;
        _isFirst = isFirst;
        Input = input;
        _output = output;
        Result = context.Buffer(result.Purpose, result.Stride, result.Used);
        ResultStride = result.Stride;
        _outputPhase = outputPhase;
        context.Reserve(input, output);
    }

    private enum Stage
    {
        Norm,
        Arrange,
        Output,
    }

    /// <summary>What all parts share.</summary>
    protected StepContext<TLanes, TVector> Context { get; }

    /// <summary>The matrices that the normed residual stream goes through.</summary>
    protected LinearGroup Input { get; }

    /// <summary>What goes through the projection back.</summary>
    protected NativeBlock Result { get; }

    /// <summary>From one row of <see cref="Result"/> to the next.</summary>
    protected int ResultStride { get; }

    /// <summary>The kernel of a part.</summary>
    /// <param name="index">Which part of the model: two in each layer.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="context">What all parts share.</param>
    internal static LayerBlock<TLanes, TVector> Create(int index, PartWeights weights, StepContext<TLanes, TVector> context) => weights switch
    {
        AttentionWeights attention => new AttentionBlock<TLanes, TVector>(attention, context, isFirst: index == 0),
        GatedWeights gated => new GatedBlock<TLanes, TVector>(gated, context),
        _ => throw new ArgumentOutOfRangeException(nameof(weights)),
    };

    /// <summary>Runs it for the step's tokens. The calling thread leads.</summary>
    /// <param name="time">The time since which nothing was noted.</param>
    internal void Run(ref long time)
    {
        Context.Each(this, (int)Stage.Norm, Context.Tokens);
        Context.Note(StepPhase.Norm, ref time);
        RunOwn(ref time);
        if (_output.WantsArranged(Context.Tokens))
        {
            Context.Each(this, (int)Stage.Arrange, Context.Tokens);
            Context.Note(StepPhase.Norm, ref time);
        }

        Context.Together(this, (int)Stage.Output);
        Context.Note(_outputPhase, ref time);
        Context.SumPartials(ref time);
    }

    public void Run(int stage, int worker, int workers)
    {
        switch ((Stage)stage)
        {
            case Stage.Norm:
                Context.Norm(worker, workers, _norm, _isFirst, Input);
                break;
            case Stage.Arrange:
                Context.Arrange(_output, Result, ResultStride, worker, workers);
                break;
            case Stage.Output:
                Context.Multiply(_output, Result, ResultStride, Context.Partial, worker, workers);
                break;
            default:
                RunOwn(stage, worker, workers);
                break;
        }
    }

    /// <summary>From the normed residual stream to <see cref="Result"/>.</summary>
    /// <param name="time">The time since which nothing was noted.</param>
    protected abstract void RunOwn(ref long time);

    /// <summary>A worker's share of one of the part's own stages.</summary>
    /// <param name="stage">Which, from <see cref="FirstOwnStage"/> on.</param>
    /// <param name="worker">Which worker.</param>
    /// <param name="workers">How many.</param>
    protected abstract void RunOwn(int stage, int worker, int workers);
}
