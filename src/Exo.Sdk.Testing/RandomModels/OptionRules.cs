using System.Globalization;
using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.RandomModels;

/// <summary>What sound <see cref="RandomModelOptions"/> hold.</summary>
internal static class OptionRules
{
    public static void Validate(RandomModelOptions options)
    {
        RequirePositive(options.HiddenSize, nameof(options.HiddenSize));
        RequirePositive(options.LayerCount, nameof(options.LayerCount));
        RequirePositive(options.QueryHeadCount, nameof(options.QueryHeadCount));
        RequirePositive(options.KeyValueHeadCount, nameof(options.KeyValueHeadCount));
        RequirePositive(options.HeadSize, nameof(options.HeadSize));
        RequirePositive(options.IntermediateSize, nameof(options.IntermediateSize));
        RequirePositive(options.VocabularySize, nameof(options.VocabularySize));
        RequirePositive(options.MaxContextLength, nameof(options.MaxContextLength));
        RequirePositive(options.ShardSize, nameof(options.ShardSize));
        Require(
            options.QueryHeadCount % options.KeyValueHeadCount == 0,
            $"QueryHeadCount is {options.QueryHeadCount}; it must be a multiple of KeyValueHeadCount, {options.KeyValueHeadCount}.");
        Require(options.HeadSize % 2 == 0, $"HeadSize is {options.HeadSize}; it must be even, because rotations pair its elements.");
        Require(
            options.Type is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16,
            $"Type is {options.Type}; it must be Float32, Float16 or BFloat16.");
        Require(
            !options.HasBiases || options.Family != RandomModelFamily.Mistral,
            $"HasBiases is set for {options.Family}, a family without biases.");
        Require(
            options.SlidingWindow is null || (options.Family == RandomModelFamily.Mistral && options.SlidingWindow > 0),
            $"SlidingWindow is {options.SlidingWindow} for {options.Family}; only Mistral has one, of at least 1.");
        Require(
            options.Quantization is not null || options.QuantizationOverrides.Count == 0,
            $"QuantizationOverrides are given without Quantization.");
    }

    /// <summary>Refuses a matrix that cannot be packed as asked.</summary>
    public static void RequirePackable(string path, int inputs, QuantizationSpec packing)
    {
        QuantizationFormat affine = QuantizationFormat.Affine;
        Require(packing.Format == affine, $"{path} is to be packed as {packing.Format}; random models are packed as {affine}.");
        Require(
            packing.Format.Packs(packing.Bits, packing.GroupSize),
            $"{path} is to be packed as {packing}; known is {new QuantizationSupport(affine)}.");
        Require(inputs % packing.GroupSize == 0, $"{path} has {inputs} inputs, which are not whole groups of {packing.GroupSize}.");
    }

    private static void RequirePositive(long value, string option) => Require(value > 0, $"{option} is {value}; it must be above 0.");

    private static void Require(bool condition, FormattableString message)
    {
        if (!condition)
        {
            throw new ConfigurationException(message.ToString(CultureInfo.InvariantCulture));
        }
    }
}
