using Exo.Sdk.Models;

namespace Exo.Sdk.Tests.Models;

public sealed class SafetensorsFolderTests
{
    private static readonly byte[] First = Safetensors.Of(("a", "U8", [2], [1, 2]));
    private static readonly byte[] Second = Safetensors.Of(("b", "U8", [2], [3, 4]), ("c", "U8", [1], [5]));

    private const string Index = """{"metadata":{"total_size":5},"weight_map":{"a":"w-1.safetensors","b":"w-2.safetensors","c":"w-2.safetensors"}}""";

    [Fact]
    public void Reads_through_an_index()
    {
        using TemporaryFolder folder = new TemporaryFolder()
            .With("w-1.safetensors", First).With("w-2.safetensors", Second).With("model.safetensors.index.json", Index);
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        source.Names.Should().BeEquivalentTo("a", "b", "c");
        Read(source, "a").Should().Equal(1, 2);
        Read(source, "b").Should().Equal(3, 4);
    }

    [Fact]
    public void Takes_the_only_file_whatever_its_name()
    {
        using TemporaryFolder folder = new TemporaryFolder().With("weights.safetensors", First).With("readme.md", "text");
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        Read(source, "a").Should().Equal(1, 2);
    }

    [Fact]
    public void Prefers_the_single_file_over_an_index()
    {
        using TemporaryFolder folder = new TemporaryFolder().With("model.safetensors", First).With("model.safetensors.index.json", Index);
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        source.Names.Should().Equal("a");
    }

    [Fact]
    public void Keeps_tensors_that_the_index_does_not_name()
    {
        using TemporaryFolder folder = new TemporaryFolder()
            .With("w-2.safetensors", Second).With("model.safetensors.index.json", """{"weight_map":{"b":"w-2.safetensors"}}""");
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        source.Names.Should().BeEquivalentTo("b", "c");
    }

    [Fact]
    public void Follows_links_out_of_the_folder_as_in_a_download_cache()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Links need a privilege there, and the cache does without them.
        }

        using TemporaryFolder cache = new();
        string blobs = Directory.CreateDirectory(cache["blobs"]).FullName;
        string snapshot = Directory.CreateDirectory(Path.Combine(cache["snapshots"], "0123")).FullName;
        foreach ((string name, byte[] content) in new[] { ("w-1.safetensors", First), ("w-2.safetensors", Second), ("model.safetensors.index.json", System.Text.Encoding.UTF8.GetBytes(Index)) })
        {
            string blob = Path.Combine(blobs, $"blob-{name.Length}-{content.Length}");
            File.WriteAllBytes(blob, content);
            File.CreateSymbolicLink(Path.Combine(snapshot, name), Path.Combine("..", "..", "blobs", Path.GetFileName(blob)));
        }

        using WeightSource source = SafetensorsWeightSource.Open(snapshot);

        Read(source, "a").Should().Equal(1, 2);
        Read(source, "c").Should().Equal(5);
    }

    private static byte[] Read(WeightSource source, string name)
    {
        byte[] bytes = new byte[source.Describe(name).ElementCount];
        source.Read(name, TensorSlice.OfRows(IndexRange.All(bytes.Length)), bytes);
        return bytes;
    }
}
