namespace Exo.Sdk;

/// <summary>How a sequence is generated. Immutable; share one between calls as you like.</summary>
public sealed record GenerationOptions
{
    /// <summary>The most tokens to generate. The context length limits it as well.</summary>
    public int MaxTokens { get; init; } = 512;

    /// <summary>0 takes the likeliest token every time (greedy); 1 samples from the model's own distribution.</summary>
    public float Temperature { get; init; } = 0.7f;

    /// <summary>Samples among the k likeliest tokens only; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Samples among the likeliest tokens that together reach this probability (Holtzman et al. 2019); 1 for all.</summary>
    public float TopP { get; init; } = 0.95f;

    /// <summary>Samples among tokens at least this likely relative to the likeliest one; 0 for all.</summary>
    public float MinP { get; init; }

    /// <summary>
    /// Divides positive and multiplies negative logits of tokens that occurred before (Keskar et al. 2019); 1 for none.
    /// </summary>
    public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>Makes sampling repeatable; null for a new seed each time.</summary>
    public int? Seed { get; init; }

    /// <summary>The generation ends before the first of these strings; none of them is emitted.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Whether to go on after the model's own EOS tokens, for example to compare with other programs.</summary>
    public bool IgnoreEndTokens { get; init; }

    /// <summary>Greedy generation.</summary>
    public static GenerationOptions Greedy { get; } = new() { Temperature = 0 };

    internal void Validate()
    {
        Require(MaxTokens >= 1, nameof(MaxTokens), MaxTokens, "at least 1");
        Require(float.IsFinite(Temperature) && Temperature >= 0, nameof(Temperature), Temperature, "0 or more");
        Require(TopK >= 0, nameof(TopK), TopK, "0 (all) or more");
        Require(TopP is > 0 and <= 1, nameof(TopP), TopP, "in (0, 1]");
        Require(MinP is >= 0 and < 1, nameof(MinP), MinP, "in [0, 1)");
        Require(float.IsFinite(RepetitionPenalty) && RepetitionPenalty > 0, nameof(RepetitionPenalty), RepetitionPenalty, "above 0");
        Require(StopStrings is not null, nameof(StopStrings), "null", "a list, which may be empty");
        foreach (string stop in StopStrings!)
        {
            Require(!string.IsNullOrEmpty(stop), nameof(StopStrings), "an empty string", "non-empty strings");
        }
    }

    private static void Require(bool condition, string name, object value, string expected)
    {
        if (!condition)
        {
            throw new ConfigurationException($"GenerationOptions.{name} is {value}; it must be {expected}.");
        }
    }
}
