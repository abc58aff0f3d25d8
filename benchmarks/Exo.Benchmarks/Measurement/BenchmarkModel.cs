using Exo.Sdk.Models;
using Exo.Sdk.Planning;
using Exo.Sdk.Testing;

namespace Exo.Benchmarks.Measurement;

/// <summary>A model to measure with: a folder of the user's, or a random one of a reference shape that is deleted when disposed.</summary>
internal sealed class BenchmarkModel : IDisposable
{
    public const string Presets = "s (620 MB) and t (17 MB), the reference shapes";
    private readonly bool _isTemporary;

    private BenchmarkModel(string folder, string name, bool isTemporary)
    {
        (Folder, Name, _isTemporary) = (folder, name, isTemporary);
        using SafetensorsWeightSource weights = SafetensorsWeightSource.Open(folder);
        ModelSpec spec = ModelSpecReader.Read(folder, weights);
        LayerCount = spec.Layers.Count;
        Shape = new ShapeFacts(
            name,
            spec.Layers.SelectMany(static layer => layer.Linears).Append(spec.Head).Sum(static linear => LinearSlices.Whole(linear).ByteCount),
            spec.Layers.SelectMany(static layer => layer.Linears).Sum(static linear => (long)linear.InputSize * linear.OutputSize));
        FileBytes = Files.Sum(static file => new FileInfo(file).Length);
    }

    public string Folder { get; }

    public string Name { get; }

    public int LayerCount { get; }

    public ShapeFacts Shape { get; }

    /// <summary>Bytes of all weight files.</summary>
    public long FileBytes { get; }

    public IEnumerable<string> Files => Directory.EnumerateFiles(Folder, "*.safetensors").Order(StringComparer.Ordinal);

    public static BenchmarkModel Open(string folderOrPreset)
    {
        RandomModelOptions? preset = folderOrPreset switch
        {
            "s" or "S" => RandomModelOptions.ShapeS,
            "t" or "T" => RandomModelOptions.ShapeT,
            _ => null,
        };
        if (preset is null)
        {
            return new BenchmarkModel(Path.GetFullPath(folderOrPreset), Path.GetFileName(Path.TrimEndingDirectorySeparator(folderOrPreset)), isTemporary: false);
        }

        string folder = Directory.CreateTempSubdirectory("exo-benchmark-").FullName;
        try
        {
            Console.Error.WriteLine($"writing a random model of shape {folderOrPreset.ToUpperInvariant()}");
            RandomModel.Write(folder, preset);
            return new BenchmarkModel(folder, folderOrPreset.ToUpperInvariant(), isTemporary: true);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    public void Dispose()
    {
        if (_isTemporary)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }
}

/// <summary>What a token costs by the model's shape.</summary>
/// <param name="Name">The model.</param>
/// <param name="BytesPerToken">Bytes of weights that a decode step reads: every matrix of the layers and the head, but one row of the embedding.</param>
/// <param name="ProductsPerToken">Multiply-adds of the layers' matrices for one token of a prompt; the head runs once for all, attention is not counted.</param>
internal sealed record ShapeFacts(string Name, long BytesPerToken, long ProductsPerToken);
