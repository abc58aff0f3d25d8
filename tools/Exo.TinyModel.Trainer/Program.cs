using Exo.Sdk;
using Exo.TinyModel.Trainer;
using Exo.TinyModel.Trainer.Corpus;
using Exo.TinyModel.Trainer.Evaluation;
using Exo.TinyModel.Trainer.Export;
using Exo.TinyModel.Trainer.Model;
using Exo.TinyModel.Trainer.Tokenizer;
using Exo.TinyModel.Trainer.Training;
using TorchSharp;

Options options;
try
{
    options = Options.Parse(args);
}
catch (FormatException error)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}
if (options.ShowHelp)
{
    Console.WriteLine(Options.Help);
    return 0;
}
if (options.Sample > 0)
{
    foreach (var document in Mixture.Documents(options.Seed).Take(options.Sample))
    {
        Console.WriteLine(string.Concat(document.Pieces.Select(piece => piece.Text)) + "\n");
    }
    return 0;
}
if (options.Ids is { } encoder)
{
    var encoding = TokenizerFile.Read(Path.Combine(encoder, "tokenizer.json"));
    while (Console.ReadLine() is { } line)
    {
        Console.WriteLine(string.Join(',', encoding.Encode(line)));
    }
    return 0;
}
torch.set_num_threads(options.Threads);
if (options.Evaluate is { } folder)
{
    Evaluate(folder, folder);
    return 0;
}
if (options.Ask is { } asked)
{
    Answer(asked);
    return 0;
}
if (options.Out is not { } output)
{
    Console.Error.WriteLine("--out is missing; --help lists the options.");
    return 2;
}

var checkpoint = options.Export ?? Path.Combine(output, "checkpoint");
if (options.Export is null)
{
    Train(checkpoint);
}
var (weights, tokenizer) = ModelFolder.Read(checkpoint);
var (full, small) = (Path.Combine(output, "exo-tiny"), Path.Combine(output, "exo-tiny-4bit"));
ModelFolder.Write(full, Shape.ExoTiny, weights, tokenizer, quantized: false);
ModelFolder.Write(small, Shape.ExoTiny, weights, tokenizer, quantized: true);
Console.WriteLine($"{full}: {Size(full):n0} bytes; {small}: {Size(small):n0} bytes");
Evaluate("float32", checkpoint);
Evaluate("bf16", full);
Evaluate("4-bit", small);
return 0;

void Train(string into)
{
    // The tokenizer sees other documents than the model's first ones, of the same kinds.
    var texts = Mixture.Documents(~options.Seed).Take(20_000).SelectMany(document => document.Pieces.Where(piece => !piece.IsSpecial)).Select(piece => piece.Text);
    var trained = BytePairTrainer.Train(texts, SpecialTokens.All, Shape.ExoTiny.VocabularySize);
    var schedule = new Schedule(options.Minutes is null ? options.Steps ?? Options.DefaultSteps : options.Steps, options.Minutes);
    Checkpoint.Write(into, TrainingRun.Train(options.Seed, trained, schedule, model => Checkpoint.Write(into, model, trained)), trained);
}

void Evaluate(string title, string from)
{
    var (stored, encoding) = ModelFolder.Read(from);
    HeldOutTest.Print($"held-out questions, {title}:", HeldOutTest.Run(LlamaModel.FromWeights(Shape.ExoTiny, stored), encoding), options.Mistakes);
}

void Answer(string from)
{
    var (stored, encoding) = ModelFolder.Read(from);
    var generator = new Generator(LlamaModel.FromWeights(Shape.ExoTiny, stored), encoding);
    var dice = new Dice(options.Seed);
    while (Console.ReadLine() is { } line)
    {
        int[] prompt = options.Raw
            ? [encoding.Special(SpecialTokens.EndOfText), .. encoding.Encode(line)]
            : generator.Prompt(line.Split('\t').Select((text, turn) => (turn % 2 == 0 ? Role.User : Role.Assistant, text)));
        Console.WriteLine($"> {line}\n{generator.Generate([prompt], 300, options.Temperature, dice)[0].Text}");
    }
}

static long Size(string folder) => Directory.EnumerateFiles(folder).Sum(file => new FileInfo(file).Length);
