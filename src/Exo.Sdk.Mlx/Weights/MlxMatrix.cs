using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Models;

namespace Exo.Sdk.Mlx.Weights;

/// <summary>The rank's part of a matrix W <c>[out, in]</c>: y = W·x + b, or a table whose rows are looked up.</summary>
internal abstract class MlxMatrix
{
    /// <summary>The rank's part of the bias <c>[out]</c>, or none.</summary>
    internal MlxArray Bias { get; init; }

    /// <summary>y for every row of x <c>[tokens, in]</c>: <c>[tokens, out]</c>.</summary>
    internal MlxArray Apply(MlxOperations operations, MlxArray x)
    {
        MlxArray product = Multiply(operations, x);
        return Bias == MlxArray.None ? product : operations.Add(product, Bias);
    }

    /// <summary>Rows of W, widened to the type that is computed in: <c>[indices, in]</c>.</summary>
    internal abstract MlxArray TakeRows(MlxOperations operations, MlxArray indices);

    /// <summary>x·Wᵀ.</summary>
    protected abstract MlxArray Multiply(MlxOperations operations, MlxArray x);
}

/// <summary>A matrix of plain numbers in the type that is computed in.</summary>
/// <param name="weight">W.</param>
/// <param name="transposed">Wᵀ, a view of it.</param>
internal sealed class DenseMatrix(MlxArray weight, MlxArray transposed) : MlxMatrix
{
    internal override MlxArray TakeRows(MlxOperations operations, MlxArray indices) => operations.TakeRows(weight, indices);

    protected override MlxArray Multiply(MlxOperations operations, MlxArray x) => operations.Matmul(x, transposed);
}

/// <summary>A packed matrix, q with a scale, and a bias where the format has one, per group of inputs, in the layout of the file.</summary>
/// <param name="words">Packed q <c>[out, in·bits/32]</c>.</param>
/// <param name="scales"><c>[out, in/group]</c>.</param>
/// <param name="groupBiases"><c>[out, in/group]</c>, or none.</param>
/// <param name="packing">How values are packed.</param>
/// <param name="type">The type that is computed in.</param>
internal sealed class PackedMatrix(MlxArray words, MlxArray scales, MlxArray groupBiases, QuantizationSpec packing, MlxType type) : MlxMatrix
{
    private readonly PackedFormat _format = PackedFormat.Of(packing.Format);

    internal override MlxArray TakeRows(MlxOperations operations, MlxArray indices) => operations.Dequantize(
        operations.TakeRows(words, indices),
        operations.TakeRows(scales, indices),
        groupBiases == MlxArray.None ? MlxArray.None : operations.TakeRows(groupBiases, indices),
        packing,
        _format,
        type);

    protected override MlxArray Multiply(MlxOperations operations, MlxArray x) =>
        operations.QuantizedMatmul(x, words, scales, groupBiases, packing, _format);
}
