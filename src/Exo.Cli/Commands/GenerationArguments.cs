using System.CommandLine;
using Exo.Sdk.Inference;

namespace Exo.Cli.Commands;

/// <summary>The options that say how a text is generated.</summary>
internal sealed class GenerationArguments
{
    private static readonly GenerationOptions Defaults = new();

    private readonly Option<int> _maxTokens = new Option<int>("--max-tokens")
    {
        Description = "The most tokens to generate.",
        HelpName = "N",
        DefaultValueFactory = _ => Defaults.MaxTokens,
    }.AtLeast(1);

    private readonly Option<float> _temperature = new Option<float>("--temperature", "-t")
    {
        Description = "0 takes the likeliest token every time; 1 samples from the model's own distribution.",
        DefaultValueFactory = _ => Defaults.Temperature,
    }.Within(value => float.IsFinite(value) && value >= 0, "0 or more");

    private readonly Option<int> _topK = new Option<int>("--top-k")
    {
        Description = "Samples among the K likeliest tokens; 0 for all.",
        HelpName = "K",
    }.AtLeast(0);

    private readonly Option<float> _topP = new Option<float>("--top-p")
    {
        Description = "Samples among the likeliest tokens that together reach this probability.",
        DefaultValueFactory = _ => Defaults.TopP,
    }.Within(value => value is > 0 and <= 1, "above 0 and at most 1");

    private readonly Option<float> _minP = new Option<float>("--min-p")
    {
        Description = "Samples among tokens at least this likely relative to the likeliest.",
    }.Within(value => value is >= 0 and < 1, "0 or more and below 1");

    private readonly Option<float> _repetitionPenalty = new Option<float>("--repetition-penalty")
    {
        Description = "Makes tokens that occurred before less likely; 1 for none.",
        DefaultValueFactory = _ => Defaults.RepetitionPenalty,
    }.Within(value => float.IsFinite(value) && value > 0, "above 0");

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
        MaxTokens = result.GetValue(_maxTokens),
        Temperature = result.GetValue(_temperature),
        TopK = result.GetValue(_topK),
        TopP = result.GetValue(_topP),
        MinP = result.GetValue(_minP),
        RepetitionPenalty = result.GetValue(_repetitionPenalty),
        Seed = result.GetValue(_seed),
        StopStrings = result.GetValue(_stop) ?? [],
        IgnoreEndTokens = result.GetValue(_ignoreEnd),
    };
}
