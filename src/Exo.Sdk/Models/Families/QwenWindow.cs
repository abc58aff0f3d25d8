using Exo.Sdk.Input;

namespace Exo.Sdk.Models.Families;

/// <summary>
/// The sliding window of Qwen 2 and 3: off unless <c>use_sliding_window</c>. The first <c>max_window_layers</c> layers then still look back
/// without limit, or <c>layer_types</c> names each layer's kind.
/// </summary>
internal static class QwenWindow
{
    private const string Sliding = "sliding_attention";

    /// <summary>The window of each layer.</summary>
    public static Func<int, int?> Read(ConfigObject config)
    {
        if (!config.Flag("use_sliding_window", defaultValue: false))
        {
            return static _ => null;
        }

        int? window = config.Has("sliding_window") ? config.OptionalInteger("sliding_window", 1, int.MaxValue) : 4096;
        if (config.OptionalTexts("layer_types") is { } kinds)
        {
            Check(config, kinds);
            return layer => kinds[layer] == Sliding ? window : null;
        }

        int first = config.OptionalInteger("max_window_layers", 0, int.MaxValue) ?? 28;
        return layer => layer >= first ? window : null;
    }

    private static void Check(ConfigObject config, IReadOnlyList<string> kinds)
    {
        int layers = Decoder.LayerCount(config);
        if (kinds.Count != layers)
        {
            throw config.Error("layer_types", "the list does not fit", $"{layers} entries", $"{kinds.Count}");
        }

        if (kinds.FirstOrDefault(kind => kind is not (Sliding or "full_attention")) is { } unknown)
        {
            throw new UnsupportedModelException($"attention of kind {HostileText.Quote(unknown)}", ["full_attention", Sliding]);
        }
    }
}
