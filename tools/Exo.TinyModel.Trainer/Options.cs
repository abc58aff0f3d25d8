using System.Globalization;

namespace Exo.TinyModel.Trainer;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    /// <summary>About three quarters of an hour on one free core with AVX-512; what ships was trained so.</summary>
    public const int DefaultSteps = 3862;

    public const string Help = """
        Trains exo-tiny, the small chat model that ships in Exo.Sdk.TinyModel, on text that it generates itself.

        dotnet run -c Release --project tools/Exo.TinyModel.Trainer -- --seed N --out DIR

          --out DIR       where to write exo-tiny/ (bf16), exo-tiny-4bit/ (MLX affine) and checkpoint/ (float32)
          --seed N        of the text and of the first weights (default 1)
          --steps N       training steps of 2048 tokens (default 3862)
          --minutes M     train for about M minutes instead; prints the steps, which repeat the run
          --threads N     processor threads (default 1); another number rounds sums differently
          --export DIR    do not train: quantize and evaluate the checkpoint in DIR, write to --out
          --eval DIR      evaluate the model folder in DIR (float32, bf16 or 4-bit) on the held-out questions
          --mistakes      with an evaluation: print every wrong answer
          --ask DIR       answer the questions on standard input, one a line, each on its own
          --raw           with --ask: continue the text of each line (an empty line: from the begin token)
          --temperature T with --ask: 0 (default) takes the likeliest token each time
          --ids DIR       print the token ids of each line of standard input, as DIR/tokenizer.json gives them
          --sample N      print N training documents
          --help          this text
        """;

    public string? Out { get; private init; }

    public ulong Seed { get; private init; } = 1;

    public int? Steps { get; private init; }

    public double? Minutes { get; private init; }

    public int Threads { get; private init; } = 1;

    public string? Export { get; private init; }

    public string? Evaluate { get; private init; }

    public bool Mistakes { get; private init; }

    public string? Ask { get; private init; }

    public bool Raw { get; private init; }

    public double Temperature { get; private init; }

    public string? Ids { get; private init; }

    public int Sample { get; private init; }

    public bool ShowHelp { get; private init; }

    /// <exception cref="FormatException">An option is unknown, lacks its value or has a bad one.</exception>
    public static Options Parse(IReadOnlyList<string> arguments)
    {
        var options = new Options { ShowHelp = arguments.Count == 0 };
        var at = 0;
        string Value(string name) => ++at < arguments.Count ? arguments[at] : throw new FormatException($"{name} needs a value.");
        T Number<T>(string name) where T : IParsable<T> =>
            Value(name) is var text && T.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"{name} needs a number, not \"{text}\".");
        for (; at < arguments.Count; at++)
        {
            var name = arguments[at];
            options = name switch
            {
                "--out" => options with { Out = Value(name) },
                "--seed" => options with { Seed = Number<ulong>(name) },
                "--steps" => options with { Steps = Number<int>(name) },
                "--minutes" => options with { Minutes = Number<double>(name) },
                "--threads" => options with { Threads = Number<int>(name) },
                "--export" => options with { Export = Value(name) },
                "--eval" => options with { Evaluate = Value(name) },
                "--mistakes" => options with { Mistakes = true },
                "--ask" => options with { Ask = Value(name) },
                "--raw" => options with { Raw = true },
                "--temperature" => options with { Temperature = Number<double>(name) },
                "--ids" => options with { Ids = Value(name) },
                "--sample" => options with { Sample = Number<int>(name) },
                "--help" or "-h" => options with { ShowHelp = true },
                _ => throw new FormatException($"Unknown option \"{name}\"; --help lists them."),
            };
        }
        return options;
    }
}
