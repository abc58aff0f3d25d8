using System.Buffers.Binary;
using System.Text.Json;

namespace Exo.Golden.Formats;

/// <summary>Reads every tensor of every <c>*.safetensors</c> file of a folder into memory. For our own small files: no defense against hostile ones.</summary>
internal static class SafetensorsReader
{
    public static Dictionary<string, StoredTensor> ReadModel(string folder)
    {
        var tensors = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        foreach (string path in Directory.GetFiles(folder, "*.safetensors").Order(StringComparer.Ordinal))
        {
            ReadFile(path, tensors);
        }

        return tensors;
    }

    private static void ReadFile(string path, Dictionary<string, StoredTensor> tensors)
    {
        byte[] file = File.ReadAllBytes(path);
        int headerLength = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file));
        int dataStart = 8 + headerLength;
        using var header = JsonDocument.Parse(file.AsMemory(8, headerLength));
        foreach (var entry in header.RootElement.EnumerateObject().Where(e => e.Name != "__metadata__"))
        {
            var type = Enum.Parse<ElementType>(entry.Value.GetProperty("dtype").GetString()!);
            int[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())];
            int[] range = [.. entry.Value.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt32())];
            byte[] data = file[(dataStart + range[0])..(dataStart + range[1])];
            tensors.Add(entry.Name, new StoredTensor(entry.Name, type, shape, data));
        }
    }
}
