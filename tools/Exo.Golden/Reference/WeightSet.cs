using Exo.Golden.Formats;
using TorchSharp;

namespace Exo.Golden.Reference;

/// <summary>The weights of a model folder, dequantized where they are stored quantized. Not thread-safe.</summary>
internal sealed class WeightSet : IDisposable
{
    private readonly Dictionary<string, torch.Tensor> _tensors = new(StringComparer.Ordinal);

    public WeightSet(string folder, ModelConfig config, torch.ScalarType arithmetic)
    {
        var stored = SafetensorsReader.ReadModel(folder);
        foreach (var tensor in stored.Values.Where(t => !t.Name.EndsWith(".scales", StringComparison.Ordinal) && !t.Name.EndsWith(".biases", StringComparison.Ordinal)))
        {
            _tensors.Add(tensor.Name, Load(tensor, stored, config).to(arithmetic));
        }
    }

    public torch.Tensor this[string name] => _tensors.TryGetValue(name, out var tensor) ? tensor : throw new InvalidDataException($"no tensor '{name}'");

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values)
        {
            tensor.Dispose();
        }
    }

    private static torch.Tensor Load(StoredTensor tensor, Dictionary<string, StoredTensor> stored, ModelConfig config)
    {
        if (tensor.Type != ElementType.U32)
        {
            return torch.tensor(tensor.ToDoubles(), [.. tensor.Shape.Select(d => (long)d)], torch.float64);
        }

        string path = tensor.Name[..^".weight".Length];
        var format = config.Quantization(path) ?? throw new InvalidDataException($"'{path}' is packed but config.json says it is not quantized");
        double[] values = MlxAffine.Dequantize(tensor, stored[path + ".scales"], stored[path + ".biases"], format);
        return torch.tensor(values, [tensor.Shape[0], values.Length / tensor.Shape[0]], torch.float64);
    }
}
