using System.CommandLine;
using Exo.Benchmarks.Measurement;
using Exo.Sdk;

namespace Exo.Benchmarks.Commands;

/// <summary>The options that say what is measured on what; several commands take them.</summary>
internal sealed class ConfigurationOptions
{
    private readonly Option<string> _model = new("--model")
    {
        Description = $"A model folder, or {BenchmarkModel.Presets}.",
        DefaultValueFactory = _ => "s",
    };

    private readonly Option<string> _ranks = new("--ranks") { Description = "Numbers of ranks, for example 1,2." };

    private readonly Option<string> _threads = new("--threads") { Description = "Numbers of threads of each rank.", DefaultValueFactory = _ => "1" };

    private readonly Option<string> _backend = new("--backend")
    {
        Description = $"Compute backends: {Configuration.Own}, {Configuration.Onnx} or both with a comma.",
        DefaultValueFactory = _ => Configuration.Own,
    };

    private readonly Option<KeyValuePrecision> _keyValues = new("--key-values")
    {
        Description = "How keys and values are held: Float16, Float32, BFloat16 or Int8.",
        DefaultValueFactory = _ => KeyValuePrecision.Float16,
    };

    private readonly Option<bool> _int8 = new("--int8") { Description = "8-bit integer activations as well as exact ones." };

    private readonly Option<bool> _noPin = new("--no-pin") { Description = "Leaves threads to the system in place of a processor for each." };

    public ConfigurationOptions(string ranks) => _ranks.DefaultValueFactory = _ => ranks;

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_model, _ranks, _threads, _backend, _keyValues, _int8, _noPin])
        {
            command.Options.Add(option);
        }
    }

    public BenchmarkModel OpenModel(ParseResult result) => BenchmarkModel.Open(result.GetValue(_model)!);

    /// <summary>Everything combined with everything.</summary>
    public Configuration[] Read(ParseResult result)
    {
        ActivationPrecision[] activations = result.GetValue(_int8) ? [ActivationPrecision.Float32, ActivationPrecision.Int8] : [ActivationPrecision.Float32];
        return
        [
            .. from backend in result.GetValue(_backend)!.Split(',')
               from activation in activations
               from ranks in Numbers(result.GetValue(_ranks)!)
               from threads in Numbers(result.GetValue(_threads)!)
               select new Configuration(ranks, threads, activation, backend, result.GetValue(_keyValues), !result.GetValue(_noPin)),
        ];
    }

    public static IEnumerable<int> Numbers(string list) => list.Split(',').Select(int.Parse);
}
