using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Exo.Golden.Formats;

/// <summary>
/// Writes safetensors: u64 little-endian header length, JSON header padded with spaces to a multiple of 8, then the data.
/// With more than one shard it also writes <c>model.safetensors.index.json</c>.
/// </summary>
internal static class SafetensorsWriter
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <param name="origin">What `__metadata__.format` says: "pt" for Hugging Face, "mlx" for mlx-lm.</param>
    public static void WriteModel(string folder, IReadOnlyList<StoredTensor> tensors, int shards, string origin)
    {
        if (shards == 1)
        {
            WriteFile(Path.Combine(folder, "model.safetensors"), tensors, origin);
            return;
        }

        var weightMap = new SortedDictionary<string, string>(StringComparer.Ordinal);
        int written = 0;
        for (int shard = 0; shard < shards; shard++)
        {
            string file = $"model-{shard + 1:D5}-of-{shards:D5}.safetensors";
            int end = tensors.Count * (shard + 1) / shards;
            var part = tensors.Skip(written).Take(end - written).ToList();
            WriteFile(Path.Combine(folder, file), part, origin);
            part.ForEach(t => weightMap.Add(t.Name, file));
            written = end;
        }

        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = tensors.Sum(t => (long)t.Data.Length) },
            ["weight_map"] = new JsonObject(weightMap.Select(e => KeyValuePair.Create(e.Key, (JsonNode?)e.Value))),
        };
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), index.ToJsonString(Indented) + "\n");
    }

    private static void WriteFile(string path, IReadOnlyList<StoredTensor> tensors, string origin)
    {
        // Wider elements first, as the safetensors library does, so that every tensor is aligned to its element.
        var ordered = tensors.OrderByDescending(t => t.Type.SizeInBytes()).ThenBy(t => t.Name, StringComparer.Ordinal).ToList();
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = origin } };
        long offset = 0;
        foreach (var tensor in ordered)
        {
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = tensor.Type.ToString(),
                ["shape"] = new JsonArray([.. tensor.Shape.Select(d => (JsonNode)d)]),
                ["data_offsets"] = new JsonArray(offset, offset + tensor.Data.Length),
            };
            offset += tensor.Data.Length;
        }

        byte[] json = System.Text.Encoding.UTF8.GetBytes(header.ToJsonString());
        int padded = (json.Length + 7) / 8 * 8;
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)padded);

        using var stream = File.Create(path);
        stream.Write(length);
        stream.Write(json);
        stream.Write(Enumerable.Repeat((byte)' ', padded - json.Length).ToArray());
        foreach (var tensor in ordered)
        {
            stream.Write(tensor.Data);
        }
    }
}
