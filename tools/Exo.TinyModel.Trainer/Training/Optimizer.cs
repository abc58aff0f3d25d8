using TorchSharp;
using static TorchSharp.torch;

namespace Exo.TinyModel.Trainer.Training;

/// <summary>
/// Muon (Jordan et al., 2024) for the matrices inside the layers, AdamW (Loshchilov and Hutter, 2019) for embedding and norms.
/// Muon orthogonalises each update: more is learned from each token, and tokens are what an hour of two cores is short of.
/// </summary>
internal sealed class Optimizer
{
    private const double MatrixRate = 0.02;
    private const double VectorRate = 0.004;
    private const double Momentum = 0.95;
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.95;
    private const double Decay = 0.02;

    // Scalars are native objects that a finalizer frees, also while a native call still reads them. So none may be left to a
    // conversion in passing: each is a field here, or is disposed of after its last use.
    private static readonly Scalar KeptMomentum = Momentum.ToScalar();
    private static readonly Scalar NewMomentum = (1 - Momentum).ToScalar();
    private static readonly Scalar KeptFirst = Beta1.ToScalar();
    private static readonly Scalar NewFirst = (1 - Beta1).ToScalar();
    private static readonly Scalar KeptSecond = Beta2.ToScalar();
    private static readonly Scalar NewSecond = (1 - Beta2).ToScalar();
    private static readonly Scalar Tiny = 1e-8.ToScalar();
    private static readonly Scalar A = 3.4445.ToScalar();
    private static readonly Scalar B = (-4.7750).ToScalar();
    private static readonly Scalar C = 2.0315.ToScalar();

    private readonly List<(Tensor Weight, Tensor Momentum)> _matrices = [];
    private readonly List<(Tensor Weight, Tensor First, Tensor Second)> _vectors = [];
    private int _step;

    public Optimizer(IReadOnlyDictionary<string, Tensor> weights)
    {
        foreach (var (name, weight) in weights)
        {
            if (weight.dim() == 2 && !name.Contains("embed", StringComparison.Ordinal))
            {
                _matrices.Add((weight, zeros_like(weight, requires_grad: false).DetachFromDisposeScope()));
            }
            else
            {
                _vectors.Add((weight, zeros_like(weight, requires_grad: false).DetachFromDisposeScope(), zeros_like(weight, requires_grad: false).DetachFromDisposeScope()));
            }
        }
    }

    /// <summary>Applies the gradients and clears them.</summary>
    /// <param name="rate">The schedule's factor, 0 to 1.</param>
    public void Step(double rate)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        _step++;
        using var keep = (1 - (MatrixRate * rate * Decay)).ToScalar();
        foreach (var (weight, momentum) in _matrices)
        {
            var gradient = weight.grad!;
            momentum.mul_(KeptMomentum).add_(gradient, NewMomentum);
            var update = Orthogonalise(gradient.mul(NewMomentum).add_(momentum, KeptMomentum));
            using var length = (-MatrixRate * rate * Math.Sqrt(Math.Max(1.0, (double)weight.shape[0] / weight.shape[1]))).ToScalar();
            weight.mul_(keep).add_(update, length);
            gradient.zero_();
        }
        using var secondBias = (1 - Math.Pow(Beta2, _step)).ToScalar();
        using var vectorLength = (-VectorRate * rate / (1 - Math.Pow(Beta1, _step))).ToScalar();
        foreach (var (weight, first, second) in _vectors)
        {
            var gradient = weight.grad!;
            first.mul_(KeptFirst).add_(gradient, NewFirst);
            second.mul_(KeptSecond).addcmul_(gradient, gradient, NewSecond);
            weight.addcdiv_(first, second.div(secondBias).sqrt_().add_(Tiny), vectorLength);
            gradient.zero_();
        }
    }

    /// <summary>Five Newton-Schulz steps with Muon's coefficients: toward the nearest semi-orthogonal matrix.</summary>
    private static Tensor Orthogonalise(Tensor x)
    {
        var tall = x.shape[0] > x.shape[1];
        x = tall ? x.t() : x;
        x = x / x.norm().add_(Tiny);
        for (var i = 0; i < 5; i++)
        {
            var a = x.matmul(x.t());
            var b = a.mul(B).add_(a.matmul(a), C);
            x = x.mul(A).add_(b.matmul(x));
        }
        return tall ? x.t() : x;
    }
}
