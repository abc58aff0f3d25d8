using Exo.Sdk;
using Exo.Sdk.Cpu;
using Exo.Sdk.OnnxRuntime;

namespace Exo.Benchmarks.Measurement;

/// <summary>What a generation runs on.</summary>
/// <param name="Ranks">Ranks, each in a process of its own.</param>
/// <param name="Threads">Compute threads of each.</param>
/// <param name="Activations">How numbers enter quantized products.</param>
/// <param name="Backend">The compute backend: cpu or onnxruntime.</param>
/// <param name="KeyValues">How keys and values are held, where the backend leaves a choice.</param>
/// <param name="IsPinned">Whether threads are bound to processors, where the backend can.</param>
internal sealed record Configuration(
    int Ranks,
    int Threads,
    ActivationPrecision Activations = ActivationPrecision.Float32,
    string Backend = Configuration.Own,
    KeyValuePrecision KeyValues = KeyValuePrecision.Float16,
    bool IsPinned = true)
{
    public const string Own = "cpu";
    public const string Onnx = "onnxruntime";

    public IComputeBackend OpenBackend() => Backend switch
    {
        Own => new CpuBackend(),
        Onnx => new OnnxRuntimeBackend(),
        _ => throw new ConfigurationException($"There is no backend '{Backend}'; {Own} and {Onnx} are."),
    };

    public override string ToString() =>
        $"{Ranks} rank{(Ranks == 1 ? "" : "s")} × {Threads} thread{(Threads == 1 ? "" : "s")}"
        + (Activations == ActivationPrecision.Int8 ? ", int8" : ", exact")
        + (Backend == Own ? "" : $", {Backend}")
        + (KeyValues == KeyValuePrecision.Float16 ? "" : $", keys and values {KeyValues}")
        + (IsPinned ? "" : ", not pinned");
}

/// <summary>A prompt and how many tokens follow it.</summary>
/// <param name="Prompt">Tokens to prefill.</param>
/// <param name="Tokens">Tokens to generate; with 1 there is no decoding to time.</param>
internal sealed record Workload(int Prompt, int Tokens);
