using System.CommandLine;
using Exo.Sdk;

namespace Exo.Cli.Commands;

/// <summary>The options that say which model is used and how it is shared out; several commands take them.</summary>
internal sealed class ModelArguments
{
    public Option<string?> Model { get; } = new("--model", "-m")
    {
        Description = "Folder of a model in Hugging Face form. Default: exo-tiny, the model that ships with this program.",
        HelpName = "DIR",
    };

    public Option<int> Ranks { get; } = new("--ranks", "-n")
    {
        Description = "Ranks on this machine.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private Option<double[]?> Shares { get; } = new("--shares")
    {
        Description = "How the model is shared out, one number for each rank, for example 3:1. Default: equally.",
        HelpName = "A:B:…",
        CustomParser = result =>
        {
            string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            string[] parts = text.Split([':', ','], StringSplitOptions.TrimEntries);
            double[] shares = new double[parts.Length];
            for (int i = 0; i < parts.Length; i++)
            {
                if (!double.TryParse(parts[i], System.Globalization.CultureInfo.InvariantCulture, out shares[i]) || !(shares[i] > 0) || !double.IsFinite(shares[i]))
                {
                    result.AddError($"--shares: '{text}' is not a list of positive numbers such as 3:1.");
                    return null;
                }
            }

            return shares;
        },
    };

    public Option<int?> Context { get; } = new("--context")
    {
        Description = "The most tokens a text may hold, prompt included. Default: the model's own, at most 4096.",
        HelpName = "TOKENS",
    };

    public Option<KeyValuePrecision> KeyValues { get; } = new("--key-values")
    {
        Description = "How the KV cache is held: Float16, Float32, BFloat16 or Int8.",
        DefaultValueFactory = _ => KeyValuePrecision.Float16,
    };

    public void AddTo(Command command)
    {
        command.Options.Add(Model);
        command.Options.Add(Ranks);
        command.Options.Add(Shares);
        command.Options.Add(Context);
        command.Options.Add(KeyValues);
    }

    /// <summary>The shares asked for, or null: the parser answers a missing option with an empty array.</summary>
    public double[]? SharesOf(ParseResult result) => result.GetValue(Shares) is { Length: > 0 } shares ? shares : null;

    public string Folder(ParseResult result) => result.GetValue(Model) ?? TinyModel.Path;
}
