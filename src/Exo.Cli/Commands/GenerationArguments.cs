using System.CommandLine;
using Exo.Sdk;

namespace Exo.Cli.Commands;

/// <summary>The options that say how a text is generated.</summary>
internal sealed class GenerationArguments
{
    private static readonly GenerationOptions Defaults = new();

    private readonly Option<int> _maxTokens = new("--max-tokens")
    {
        Description = "The most tokens to generate.",
        HelpName = "N",
        DefaultValueFactory = _ => Defaults.MaxTokens,
    };

    private readonly Option<float> _temperature = new("--temperature", "-t")
    {
        Description = "0 takes the likeliest token every time; 1 samples from the model's own distribution.",
        DefaultValueFactory = _ => Defaults.Temperature,
    };

    private readonly Option<int> _topK = new("--top-k")
    {
        Description = "Samples among the K likeliest tokens; 0 for all.",
        HelpName = "K",
    };

    private readonly Option<float> _topP = new("--top-p")
    {
        Description = "Samples among the likeliest tokens that together reach this probability.",
        DefaultValueFactory = _ => Defaults.TopP,
    };

    private readonly Option<float> _minP = new("--min-p")
    {
        Description = "Samples among tokens at least this likely relative to the likeliest.",
    };

    private readonly Option<float> _repetitionPenalty = new("--repetition-penalty")
    {
        Description = "Makes tokens that occurred before less likely; 1 for none.",
        DefaultValueFactory = _ => Defaults.RepetitionPenalty,
    };

    private readonly Option<int?> _seed = new("--seed")
    {
        Description = "Makes sampling repeatable.",
    };

    private readonly Option<string[]> _stop = new("--stop")
    {
        Description = "Ends before this string. May be given several times.",
        HelpName = "TEXT",
    };

    private readonly Option<bool> _ignoreEnd = new("--ignore-end")
    {
        Description = "Goes on after the model's own end tokens.",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_maxTokens);
        command.Options.Add(_temperature);
        command.Options.Add(_topK);
        command.Options.Add(_topP);
        command.Options.Add(_minP);
        command.Options.Add(_repetitionPenalty);
        command.Options.Add(_seed);
        command.Options.Add(_stop);
        command.Options.Add(_ignoreEnd);
    }

    public GenerationOptions Read(ParseResult result) => new()
    {
        MaxTokens = result.GetAtLeast(_maxTokens, 1),
        Temperature = result.GetWithin(_temperature, value => float.IsFinite(value) && value >= 0, "0 or more"),
        TopK = result.GetAtLeast(_topK, 0),
        TopP = result.GetWithin(_topP, value => value is > 0 and <= 1, "above 0 and at most 1"),
        MinP = result.GetWithin(_minP, value => value is >= 0 and < 1, "0 or more and below 1"),
        RepetitionPenalty = result.GetWithin(_repetitionPenalty, value => float.IsFinite(value) && value > 0, "above 0"),
        Seed = result.GetValue(_seed),
        StopStrings = result.GetValue(_stop) ?? [],
        IgnoreEndTokens = result.GetValue(_ignoreEnd),
    };
}
