using System.CommandLine;
using System.Globalization;
using System.Text;
using Exo.Cli.Output;
using Exo.Sdk;

namespace Exo.Cli.Commands;

/// <summary><c>exo logits</c>: the logits after some tokens, for comparison with other programs.</summary>
internal static class LogitsCommand
{
    public static Command Create()
    {
        Option<int[]?> tokens = new("--tokens")
        {
            Description = "The tokens, as numbers.",
            HelpName = "1,2,3",
            Required = true,
            CustomParser = result =>
            {
                string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
                string[] parts = text.Split([',', ' '], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                int[] ids = new int[parts.Length];
                for (int i = 0; i < parts.Length; i++)
                {
                    if (!int.TryParse(parts[i], CultureInfo.InvariantCulture, out ids[i]))
                    {
                        result.AddError($"--tokens: '{parts[i]}' is not a token number.");
                        return null;
                    }
                }

                return ids;
            },
        };
        Option<bool> json = new("--json")
        {
            Description = "One JSON array instead of a line for each vocabulary entry.",
        };
        ClusterArguments cluster = new();
        Command command = new("logits", "Prints the float32 logits after the last of some tokens.");
        cluster.AddTo(command);
        command.Options.Add(tokens);
        command.Options.Add(json);
        command.SetWork(async (result, cancellationToken) =>
        {
            Cluster running = await ClusterArguments.StartAsync(cluster.Read(result), cancellationToken).ConfigureAwait(false);
            await using (running.ConfigureAwait(false))
            {
                float[] logits = await running.ComputeLogitsAsync(result.GetValue(tokens)!, cancellationToken).ConfigureAwait(false);
                using TextOutput output = new();
                output.Write(Format(logits, result.GetValue(json)));
            }
        });
        return command;
    }

    /// <summary>Nine digits at most: the shortest text that reads back as the same float32.</summary>
    private static string Format(float[] logits, bool asJson)
    {
        StringBuilder text = new(asJson ? "[" : "");
        for (int i = 0; i < logits.Length; i++)
        {
            string value = logits[i].ToString("R", CultureInfo.InvariantCulture);
            if (asJson)
            {
                text.Append(i == 0 ? "" : ",").Append(value);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"{i}\t{value}\n");
            }
        }

        return text.Append(asJson ? "]\n" : "").ToString();
    }
}
