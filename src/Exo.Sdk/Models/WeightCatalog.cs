using System.Collections.Immutable;

namespace Exo.Sdk.Models;

/// <summary>
/// Matches the weights that a family expects with those that are stored: finds out how each is packed and checks every shape, so that
/// a model that does not fit its configuration is refused before any weight is read.
/// </summary>
public sealed class WeightCatalog
{
    private const int BitsPerWord = 32;
    private static readonly string[] NumberTypes = ["F32", "F16", "BF16"];
    private readonly WeightSource _weights;
    private readonly QuantizationConfig? _quantization;
    private readonly HashSet<string> _used = [];
    private ElementType? _typeOfNumbers;

    internal WeightCatalog(WeightSource weights, QuantizationConfig? quantization) => (_weights, _quantization) = (weights, quantization);

    /// <summary>What is stored and was not asked for, in order: no part of the model reads it.</summary>
    internal IReadOnlyList<string> Unused => [.. _weights.Names.Where(name => !_used.Contains(name)).Order(StringComparer.Ordinal)];

    /// <summary>Whether a matrix is stored, packed or not.</summary>
    /// <param name="path">Its name without <c>.weight</c>.</param>
    /// <returns>Whether it is.</returns>
    public bool Has(string path) => _weights.Contains(path + ".weight");

    /// <summary>A matrix as it is stored, its shape checked.</summary>
    /// <param name="path">Its name without <c>.weight</c>.</param>
    /// <param name="inputs">Columns, counted in unpacked values.</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="split">How it is divided among ranks.</param>
    /// <param name="hasBias">Whether a bias is stored under <c>.bias</c>.</param>
    /// <returns>The matrix with its packing and element type.</returns>
    /// <exception cref="ModelFormatException">A tensor is missing, or has another shape or type than the configuration says.</exception>
    /// <exception cref="UnsupportedModelException">The packing or the element type cannot be read.</exception>
    public LinearSpec Linear(string path, int inputs, int outputs, SplitRule split, bool hasBias = false)
    {
        LinearSpec linear = new() { Path = path, InputSize = inputs, OutputSize = outputs, Split = split, HasBias = hasBias };
        ElementType? biasType = hasBias ? RequireNumbers(linear.BiasName, outputs) : null;
        return _weights.Contains(linear.ScalesName) && _quantization?.Of(path) is { } packing
            ? linear with { Quantization = packing, StoredType = RequirePacked(linear, packing) ?? biasType ?? TypeOfNumbers() }
            : linear with { StoredType = RequireNumbers(linear.WeightName, outputs, inputs) };
    }

    /// <summary>A norm's weight as it is stored, its shape checked.</summary>
    /// <param name="path">Its name without <c>.weight</c>.</param>
    /// <param name="size">Its elements.</param>
    /// <param name="epsilon">ε.</param>
    /// <returns>The norm.</returns>
    /// <exception cref="ModelFormatException">The tensor is missing or has another shape.</exception>
    public NormSpec Norm(string path, int size, float epsilon)
    {
        string name = path + ".weight";
        return new NormSpec(name, size, epsilon) { StoredType = RequireNumbers(name, size) };
    }

    // The type of scales and group biases; null where a group has a scale byte alone.
    private ElementType? RequirePacked(LinearSpec linear, QuantizationSpec packing)
    {
        if (linear.InputSize % packing.GroupSize != 0)
        {
            throw Misfit(linear.WeightName, "the inputs are no whole number of groups", $"a multiple of {packing.GroupSize}", $"{linear.InputSize}");
        }

        RequireType(linear.WeightName, ElementType.UInt32);
        RequireShape(linear.WeightName, linear.OutputSize, (int)((long)linear.InputSize * packing.Bits / BitsPerWord));
        int groups = linear.InputSize / packing.GroupSize;
        ElementType? numbers = null;
        if (packing.Format.ScaleType is { } scaleType)
        {
            RequireType(linear.ScalesName, scaleType);
            RequireShape(linear.ScalesName, linear.OutputSize, groups);
        }
        else
        {
            numbers = RequireNumbers(linear.ScalesName, linear.OutputSize, groups);
        }

        if (!packing.Format.HasGroupBiases)
        {
            return _weights.Contains(linear.GroupBiasesName)
                ? throw Misfit(linear.GroupBiasesName, $"format {packing.Format} has no group biases", "no such tensor", "one")
                : numbers;
        }

        ElementType biases = RequireNumbers(linear.GroupBiasesName, linear.OutputSize, groups);
        return numbers is null || numbers == biases
            ? biases
            : throw Misfit(linear.GroupBiasesName, "the tensor has another element type", $"{numbers}", $"{biases}");
    }

    // A matrix of words and scale bytes does not tell what type the norms beside it have; the first stored numbers do.
    private ElementType TypeOfNumbers() => _typeOfNumbers ??= _weights.Names.Order(StringComparer.Ordinal)
        .Select(name => _weights.Describe(name).Type)
        .FirstOrDefault(static type => type is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16);

    private ElementType RequireNumbers(string name, params ReadOnlySpan<int> shape)
    {
        ElementType type = Use(name).Type;
        switch (type)
        {
            case ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16:
                RequireShape(name, shape);
                return type;
            case ElementType.Float64 or ElementType.Float8E4M3 or ElementType.Float8E5M2 or ElementType.Float8E8M0:
                throw new UnsupportedModelException($"element type {type} of {name}", NumberTypes);
            default:
                string hint = type == ElementType.UInt32 ? " (packed words that config.json does not describe)" : "";
                throw Misfit(name, "the tensor has another element type", string.Join(", ", NumberTypes), type + hint);
        }
    }

    private void RequireType(string name, ElementType expected)
    {
        ElementType found = Use(name).Type;
        if (found != expected)
        {
            throw Misfit(name, "the tensor has another element type", expected.ToString(), found.ToString());
        }
    }

    private void RequireShape(string name, params ReadOnlySpan<int> expected)
    {
        ImmutableArray<int> found = Use(name).Shape;
        if (!found.AsSpan().SequenceEqual(expected))
        {
            throw Misfit(name, "the tensor has another shape than config.json says", Show(expected), Show(found.AsSpan()));
        }
    }

    private TensorInfo Use(string name)
    {
        _used.Add(name);
        return _weights.Describe(name);
    }

    private ModelFormatException Misfit(string name, string problem, string expected, string found) =>
        new(_weights.Locate(name), problem, expected, found, name);

    private static string Show(ReadOnlySpan<int> shape) => $"[{string.Join(", ", shape.ToArray())}]";
}
