using System.Globalization;
using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>
/// What one rank reads of a matrix: the slices of its stored tensors, with the rank's inputs converted to packed words and to
/// groups where the weight is quantized. Planner, loader and backends share it, so that they agree on every boundary.
/// </summary>
public sealed record LinearSlices
{
    private LinearSlices(LinearSpec linear, IndexRange outputs, IndexRange inputs)
    {
        Linear = linear;
        Outputs = outputs;
        Inputs = inputs;
    }

    /// <summary>The matrix.</summary>
    public LinearSpec Linear { get; }

    /// <summary>The outputs that the rank computes: rows of the stored matrix.</summary>
    public IndexRange Outputs { get; }

    /// <summary>The inputs that the rank uses: columns of the matrix, counted in unpacked values.</summary>
    public IndexRange Inputs { get; }

    /// <summary>The part of <see cref="LinearSpec.WeightName"/>; its columns are packed words where the weight is quantized.</summary>
    public TensorSlice Weight => Linear.Quantization is { } packing
        ? TensorSlice.Of(Outputs, ColumnsOf(Inputs, packing.Bits, 32))
        : TensorSlice.Of(Outputs, Inputs);

    /// <summary>
    /// The part of <see cref="LinearSpec.ScalesName"/> and, equally, of <see cref="LinearSpec.GroupBiasesName"/> where the format has these;
    /// null where the weight is not quantized.
    /// </summary>
    public TensorSlice? Groups => Linear.Quantization is { } packing
        ? TensorSlice.Of(Outputs, ColumnsOf(Inputs, 1, packing.GroupSize))
        : null;

    /// <summary>
    /// The part of <see cref="LinearSpec.BiasName"/>, or null where the matrix has none. Of a row-parallel matrix it is the whole
    /// bias on every rank: one rank adds it before the sum, or each adds it after.
    /// </summary>
    public TensorSlice? Bias => Linear.HasBias ? TensorSlice.OfRows(Outputs) : null;

    /// <summary>The bytes of all slices together, in the element types of the file.</summary>
    public long ByteCount
    {
        get
        {
            int stored = Linear.StoredType.SizeInBytes();
            long weight = Linear.Quantization is { } packing
                ? (Elements(Weight) * sizeof(uint)) + (Elements(Groups!.Value) * packing.Format.GroupBytes(stored))
                : Elements(Weight) * stored;
            return weight + (Linear.HasBias ? (long)Outputs.Count * stored : 0);
        }
    }

    /// <summary>The slices of a matrix that a rank holds.</summary>
    /// <param name="linear">The matrix.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <returns>The slices.</returns>
    /// <exception cref="PlanRefusedException">
    /// The assignment reaches outside the matrix, or cuts a quantized one inside a group of inputs, which shares one scale.
    /// </exception>
    public static LinearSlices Of(LinearSpec linear, ShardAssignment assignment)
    {
        ArgumentNullException.ThrowIfNull(linear);
        ArgumentNullException.ThrowIfNull(assignment);
        IndexRange outputs = assignment.OutputsOf(linear);
        IndexRange inputs = assignment.InputsOf(linear);
        Require(LiesWithin(outputs, linear.OutputSize), linear, assignment, outputs, "outputs", $"it has {linear.OutputSize}");
        Require(LiesWithin(inputs, linear.InputSize), linear, assignment, inputs, "inputs", $"it has {linear.InputSize}");
        if (linear.Quantization is { } packing)
        {
            bool isOnGroups = inputs.Start % packing.GroupSize == 0 && inputs.Count % packing.GroupSize == 0;
            Require(isOnGroups, linear, assignment, inputs, "inputs", $"it can be cut only between groups of {packing.GroupSize}");
        }

        return new LinearSlices(linear, outputs, inputs);
    }

    /// <summary>The whole matrix, as a single rank holds it.</summary>
    /// <param name="linear">The matrix.</param>
    /// <returns>The slices.</returns>
    public static LinearSlices Whole(LinearSpec linear)
    {
        ArgumentNullException.ThrowIfNull(linear);
        return new LinearSlices(linear, IndexRange.All(linear.OutputSize), IndexRange.All(linear.InputSize));
    }

    private static long Elements(in TensorSlice slice) => (long)slice.RowCount * slice.Columns!.Value.Count;

    // In 64 bits, because inputs times bits may exceed an int; the quotient never does.
    private static IndexRange ColumnsOf(IndexRange inputs, int bits, int bitsPerColumn) =>
        new((int)((long)inputs.Start * bits / bitsPerColumn), (int)((long)inputs.Count * bits / bitsPerColumn));

    private static bool LiesWithin(IndexRange range, int size) =>
        range.Start >= 0 && range.Count >= 0 && (long)range.Start + range.Count <= size;

    private static void Require(
        bool condition, LinearSpec linear, ShardAssignment assignment, IndexRange range, string side, FormattableString reason)
    {
        if (!condition)
        {
            throw new PlanRefusedException(
                [$"rank {assignment.Rank} is assigned {side} {range} of {linear.Path}, but {reason.ToString(CultureInfo.InvariantCulture)}"]);
        }
    }
}
