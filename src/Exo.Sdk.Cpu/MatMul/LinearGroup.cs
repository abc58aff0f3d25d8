using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Threading;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>
/// Matrices with the same inputs, computed in one stage: their outputs lie one after the other, each part filled up to whole units. Inputs
/// are arranged once for matrices that want them in the same form.
/// </summary>
internal sealed unsafe class LinearGroup
{
    private readonly WeightMatrix[] _matrices;
    private readonly int[] _offsets;
    private readonly int[] _forms;
    private readonly WeightMatrix[] _arrangers;
    private readonly int[] _formOffsets;
    private readonly int _pairs;

    internal LinearGroup(params WeightMatrix[] matrices)
    {
        _matrices = matrices;
        _offsets = new int[matrices.Length];
        _forms = new int[matrices.Length];
        List<WeightMatrix> arrangers = [];
        List<int> formOffsets = [];
        for (int i = 0; i < matrices.Length; i++)
        {
            WeightMatrix matrix = matrices[i];
            _offsets[i] = OutputWidth;
            OutputWidth += Units.Pad(matrix.OutputCount);
            _pairs += Pairs(matrix);
            int form = arrangers.FindIndex(other => other.Form == matrix.Form);
            if (form < 0)
            {
                form = arrangers.Count;
                arrangers.Add(matrix);
                formOffsets.Add(ArrangedBytes);
                ArrangedBytes += matrix.ArrangedBytes;
            }

            _forms[i] = form;
        }

        _arrangers = [.. arrangers];
        _formOffsets = [.. formOffsets];
    }

    /// <summary>Outputs of a token, padding included.</summary>
    internal int OutputWidth { get; }

    /// <summary>Bytes of a token's inputs in all forms.</summary>
    internal int ArrangedBytes { get; }

    /// <summary>Where a matrix's outputs begin.</summary>
    internal int OffsetOf(int matrix) => _offsets[matrix];

    /// <summary>Whether inputs of so many tokens must be arranged at all.</summary>
    internal bool WantsArranged(int tokens)
    {
        foreach (WeightMatrix matrix in _arrangers)
        {
            if (matrix.WantsArranged(tokens))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Arranges one token's inputs.</summary>
    /// <param name="x">The inputs.</param>
    /// <param name="arranged">The token's place in the memory for arranged inputs.</param>
    /// <param name="tokens">The tokens of the step.</param>
    internal void Arrange(float* x, byte* arranged, int tokens)
    {
        for (int form = 0; form < _arrangers.Length; form++)
        {
            if (_arrangers[form].WantsArranged(tokens))
            {
                _arrangers[form].Arrange(x, arranged + _formOffsets[form]);
            }
        }
    }

    /// <summary>Computes a worker's share of all outputs.</summary>
    internal void Multiply(in MatMulInput input, in MatMulOutput output, int worker, int workers, byte* scratch)
    {
        (int first, int end) = Share.Of(_pairs, worker, workers);
        for (int i = 0; i < _matrices.Length && end > 0; i++)
        {
            int pairs = Pairs(_matrices[i]);
            MultiplyOne(i, input, output, Math.Max(first, 0), Math.Min(end, pairs), scratch);
            first -= pairs;
            end -= pairs;
        }
    }

    /// <summary>Computes a worker's share of two matrices of equal size: the same outputs of both.</summary>
    /// <returns>The outputs computed.</returns>
    internal (int First, int End) MultiplyBoth(in MatMulInput input, in MatMulOutput output, int worker, int workers, byte* scratch)
    {
        (int first, int end) = Share.Of(Pairs(_matrices[0]), worker, workers);
        MultiplyOne(0, input, output, first, end, scratch);
        MultiplyOne(1, input, output, first, end, scratch);
        int width = Tile.Panels * _matrices[0].PanelWidth;
        return (first * width, Math.Min(end * width, _matrices[0].OutputCount));
    }

    private static int Pairs(WeightMatrix matrix) => (matrix.PanelCount + Tile.Panels - 1) / Tile.Panels;

    private void MultiplyOne(int index, in MatMulInput input, in MatMulOutput output, int firstPair, int endPair, byte* scratch)
    {
        WeightMatrix matrix = _matrices[index];
        matrix.Multiply(
            new MatMulInput(input.X, input.Stride, input.Arranged + _formOffsets[_forms[index]], input.ArrangedStride, input.Tokens),
            new MatMulOutput(output.Y + _offsets[index], output.Stride),
            firstPair * Tile.Panels,
            Math.Min(endPair * Tile.Panels, matrix.PanelCount),
            scratch);
    }
}
