using System.Globalization;
using Exo.Golden;
using Exo.Golden.Catalog;
using Exo.Golden.Formats;
using Exo.Golden.Reference;
using Exo.Sdk;

const ulong Seed = 20261123;
const string Usage = """
    Exo.Golden: an independent float64 reference for the model families, and the writer of tests/golden/models.

      --out DIR [--only NAME]             write the random models and their expected logits
      --check DIR [--only NAME]           recompute the expected logits from the weights in DIR; exit code 1 above 1e-6
      --sensitivity DIR [--only NAME]     how far the logits move when one feature of the model is ignored
      --greedy MODEL --tokens 1,2 --steps N   print N token ids, each the likeliest
      --logits MODEL --tokens 1,2         print the logits after the last token, one a line
      --list                              names and what each covers
      --help
    """;

// One thread: the order of every sum, and so every bit, is the same from run to run.
TorchSharp.torch.set_num_threads(1);
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var options = ParseOptions(args);
if (options is null || options.ContainsKey("--help"))
{
    Console.WriteLine(Usage);
    return options is null ? 2 : 0;
}

string? only = options.GetValueOrDefault("--only");
var models = GoldenModel.All.Where(m => only is null || m.Name == only).ToList();
if (models.Count == 0)
{
    Console.Error.WriteLine($"no model '{only}'; --list names them");
    return 2;
}

if (options.TryGetValue("--out", out string? output))
{
    models.ForEach(m => Write(m, Path.Combine(output, m.Name)));
    return 0;
}

if (options.TryGetValue("--check", out string? committed))
{
    return models.Select(m => Check(Path.Combine(committed, m.Name))).ToList().TrueForAll(ok => ok) ? 0 : 1;
}

if (options.TryGetValue("--sensitivity", out string? folders))
{
    models.ForEach(m => Sensitivity.Print(Path.Combine(folders, m.Name)));
    return 0;
}

if (options.ContainsKey("--list"))
{
    models.ForEach(m => Console.WriteLine($"{m.Name,-28} {m.Covers}"));
    return 0;
}

int[] tokens = [.. options.GetValueOrDefault("--tokens", "1").Split(',').Select(int.Parse)];
if (options.TryGetValue("--greedy", out string? generator))
{
    using var decoder = new Decoder(generator);
    int steps = int.Parse(options.GetValueOrDefault("--steps", "32"));
    Console.WriteLine(string.Join(' ', Expectation.GreedyTokens(decoder, tokens, steps).Tokens));
    return 0;
}

if (options.TryGetValue("--logits", out string? model))
{
    using var decoder = new Decoder(model);
    foreach (double logit in decoder.NextLogits(tokens))
    {
        Console.WriteLine((float)logit);
    }

    return 0;
}

Console.WriteLine(Usage);
return 2;

static void Write(GoldenModel model, string folder)
{
    if (Directory.Exists(folder))
    {
        Directory.Delete(folder, recursive: true);
    }

    Directory.CreateDirectory(folder);
    File.WriteAllText(Path.Combine(folder, "config.json"), model.Config + "\n");
    bool isMlx = ModelConfig.Parse(model.Config).IsMlx;
    SafetensorsWriter.WriteModel(folder, RandomWeights.Draw(Seed, model), model.Shards, isMlx ? "mlx" : "pt");

    // Reads back what was written: the reference answers for the stored bytes, not for the numbers they were rounded from.
    using var decoder = new Decoder(folder);
    var expectation = Expectation.Compute(decoder, Seed, model);
    expectation.Write(folder);
    double deviation = Math.Sqrt(expectation.Logits.Average(row => row.Average(v => v * v)));
    Console.WriteLine($"{model.Name,-28} logits: deviation {deviation:F2}, largest {expectation.Logits.Max(r => r.Max(Math.Abs)):F2}; greedy: {expectation.Greedy.Distinct().Count()} different tokens");
}

static bool Check(string folder)
{
    var expectation = Expectation.Read(folder);
    using var decoder = new Decoder(folder);
    double error = Expectation.RelativeError(Expectation.TeacherForced(decoder, expectation.Prompt, expectation.Continuation), expectation.Logits);
    Console.WriteLine($"{Path.GetFileName(folder),-28} {error:E1}");
    return error < 1e-6;
}

static Dictionary<string, string>? ParseOptions(string[] args)
{
    string[] flags = ["--help", "--list"];
    var parsed = new Dictionary<string, string>(StringComparer.Ordinal);
    for (int i = 0; i < args.Length; i++)
    {
        if (flags.Contains(args[i]))
        {
            parsed[args[i]] = string.Empty;
        }
        else if (args[i].StartsWith("--", StringComparison.Ordinal) && i + 1 < args.Length)
        {
            parsed[args[i]] = args[++i];
        }
        else
        {
            Console.Error.WriteLine($"unexpected argument '{args[i]}'");
            return null;
        }
    }

    return parsed;
}
