using Exo.Sdk.Input;

namespace Exo.Sdk.Models.Families;

/// <summary>
/// The sliding window of Qwen 2 and 3: off unless <c>use_sliding_window</c>. The first <c>max_window_layers</c> layers then still look back
/// without limit, and <c>layer_types</c> may name each layer's kind; only windows that are the same in all layers are supported.
/// </summary>
internal static class QwenWindow
{
    private const string Sliding = "sliding_attention";

    public static int? Read(ConfigObject config)
    {
        if (!config.Flag("use_sliding_window", defaultValue: false))
        {
            return null;
        }

        int? window = config.Has("sliding_window") ? config.OptionalInteger("sliding_window", 1, int.MaxValue) : 4096;
        int layers = Decoder.LayerCount(config);
        int slidingLayers = config.OptionalTexts("layer_types") is { } kinds
            ? CountSliding(config, kinds, layers)
            : layers - Math.Min(layers, config.OptionalInteger("max_window_layers", 0, int.MaxValue) ?? 28);
        if (window is null || slidingLayers == 0)
        {
            return null;
        }

        return slidingLayers == layers
            ? window
            : throw new UnsupportedModelException(
                $"sliding window in {slidingLayers} of {layers} layers", ["a window in all layers", "a window in none"]);
    }

    private static int CountSliding(ConfigObject config, IReadOnlyList<string> kinds, int layers)
    {
        if (kinds.Count != layers)
        {
            throw config.Error("layer_types", "the list does not fit", $"{layers} entries", $"{kinds.Count}");
        }

        string? unknown = kinds.FirstOrDefault(kind => kind is not (Sliding or "full_attention"));
        return unknown is null
            ? kinds.Count(kind => kind == Sliding)
            : throw new UnsupportedModelException($"attention of kind {HostileText.Quote(unknown)}", ["full_attention", Sliding]);
    }
}
