using System.Text.Json;
using Exo.Sdk.Input;

namespace Exo.Sdk.Models;

/// <summary>
/// How <c>config.json</c> says that weights are packed: MLX's <c>quantization</c> object with <c>group_size</c>, <c>bits</c>, <c>mode</c> and,
/// under a matrix's path, an object that overrides them, true (as the rest) or false (not packed).
/// </summary>
internal sealed class QuantizationConfig
{
    private static readonly string[] Supported =
    [
        "MLX affine of 2, 3, 4, 5, 6 or 8 bits in groups of 32, 64 or 128",
        "mxfp4 of 4 bits in groups of 32",
        "nvfp4 of 4 bits in groups of 16",
        "mxfp8 of 8 bits in groups of 32",
    ];

    private readonly ConfigObject _settings;

    private QuantizationConfig(ConfigObject settings) => _settings = settings;

    /// <summary>Reads the settings; null where the model is not quantised.</summary>
    public static QuantizationConfig? Read(ConfigObject config)
    {
        if (config.OptionalObject("quantization") is { } settings)
        {
            return new QuantizationConfig(settings);
        }

        // MLX writes its settings under this name too; others write theirs there with a method.
        if (config.OptionalObject("quantization_config") is not { } other)
        {
            return null;
        }

        return other.OptionalText("quant_method") is { } method
            ? throw new UnsupportedModelException($"quantisation method {HostileText.Quote(method)}", Supported)
            : new QuantizationConfig(other);
    }

    /// <summary>How a matrix with stored scales is packed; null where the settings except it.</summary>
    /// <param name="path">The matrix, by <see cref="LinearSpec.Path"/>.</param>
    public QuantizationSpec? Of(string path) => _settings.KindOf(path) switch
    {
        JsonValueKind.False => null,
        JsonValueKind.Object => Spec(path, _settings.OptionalObject(path)!.Value),
        null or JsonValueKind.True => Spec(path, _settings),
        { } kind => throw _settings.Error(path, "the value has another form", "an object, true or false", kind.ToString()),
    };

    private QuantizationSpec Spec(string path, ConfigObject settings)
    {
        int bits = Setting(settings, "bits");
        int groupSize = Setting(settings, "group_size");

        // MLX does not hand the model's mode down to a matrix with an object of its own.
        string mode = settings.OptionalText("mode") ?? "affine";
        return (mode, bits, groupSize) switch
        {
            ("affine", 2 or 3 or 4 or 5 or 6 or 8, 32 or 64 or 128) => new QuantizationSpec(bits, groupSize),
            ("mxfp4", 4, 32) => new QuantizationSpec(bits, groupSize, QuantizationMode.Mxfp4),
            ("nvfp4", 4, 16) => new QuantizationSpec(bits, groupSize, QuantizationMode.Nvfp4),
            ("mxfp8", 8, 32) => new QuantizationSpec(bits, groupSize, QuantizationMode.Mxfp8),
            _ => throw new UnsupportedModelException(
                $"quantisation of {path}: mode {HostileText.Quote(mode)}, {bits} bits, groups of {groupSize}", Supported),
        };
    }

    private int Setting(ConfigObject settings, string name) =>
        settings.OptionalInteger(name, 1, 1 << 16) ?? _settings.Integer(name, 1, 1 << 16);
}
