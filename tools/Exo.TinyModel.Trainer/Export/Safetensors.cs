using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Exo.TinyModel.Trainer.Export;

/// <summary>A tensor as it lies in a file.</summary>
/// <param name="DataType">F32, BF16 or U32.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Bytes">Little-endian, row-major.</param>
internal sealed record StoredTensor(string DataType, long[] Shape, byte[] Bytes);

/// <summary>Safetensors: header length (u64), JSON header, data.</summary>
internal static class Safetensors
{
    private const int Alignment = 64;

    public static void Write(string path, IEnumerable<KeyValuePair<string, StoredTensor>> tensors)
    {
        var all = tensors.ToList();
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        long offset = 0;
        foreach (var (name, tensor) in all)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = tensor.DataType,
                ["shape"] = new JsonArray([.. tensor.Shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(offset, offset + tensor.Bytes.Length),
            };
            offset += tensor.Bytes.Length;
        }
        var json = header.ToJsonString();
        // Spaces after the header are allowed and let the data start aligned for memory mapping.
        json = json.PadRight(((json.Length + 8 + Alignment - 1) / Alignment * Alignment) - 8);
        using var file = File.Create(path);
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
        file.Write(length);
        file.Write(Encoding.ASCII.GetBytes(json));
        foreach (var (_, tensor) in all)
        {
            file.Write(tensor.Bytes);
        }
    }

    public static Dictionary<string, StoredTensor> Read(string path)
    {
        var file = File.ReadAllBytes(path);
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, length));
        return header.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__").ToDictionary(entry => entry.Name, entry =>
        {
            var offsets = entry.Value.GetProperty("data_offsets");
            var (from, to) = (8 + length + offsets[0].GetInt32(), 8 + length + offsets[1].GetInt32());
            return new StoredTensor(
                entry.Value.GetProperty("dtype").GetString()!, [.. entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())], file[from..to]);
        });
    }
}
