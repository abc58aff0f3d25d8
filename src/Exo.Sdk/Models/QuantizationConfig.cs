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
        [.. QuantizationFormat.Known.Select(static format => $"MLX {new QuantizationSupport(format)}")];

    private readonly ConfigObject _settings;

    private QuantizationConfig(ConfigObject settings) => _settings = settings;

    /// <summary>Reads the settings; null where the model is not quantized.</summary>
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
            ? throw new UnsupportedModelException($"quantization method {HostileText.Quote(method)}", Supported)
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
        return QuantizationFormat.Known.FirstOrDefault(format => format.Name == mode && format.Packs(bits, groupSize)) is { } format
            ? new QuantizationSpec(bits, groupSize, format)
            : throw new UnsupportedModelException(
                $"quantization of {path}: mode {HostileText.Quote(mode)}, {bits} bits, groups of {groupSize}", Supported);
    }

    private int Setting(ConfigObject settings, string name) =>
        settings.OptionalInteger(name, 1, 1 << 16) ?? _settings.Integer(name, 1, 1 << 16);
}
