using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.RandomModels;

/// <summary>
/// Writes tensors as safetensors without holding any of them: u64 little-endian header length, JSON header, data; several files
/// with <c>model.safetensors.index.json</c> where one would grow too large.
/// </summary>
internal static class SafetensorsStream
{
    // Whole elements of every type, and small enough to stay in the second-level cache.
    private const int ChunkBytes = 1 << 20;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    public static void Write(string folder, IReadOnlyList<RandomTensor> tensors, RandomModelOptions options, CancellationToken cancellationToken)
    {
        string origin = options.Quantization is null ? "pt" : "mlx";
        List<List<RandomTensor>> files = Distribute(tensors, options.ShardSize);
        if (files.Count == 1)
        {
            File.Delete(Path.Combine(folder, "model.safetensors.index.json"));
            WriteFile(Path.Combine(folder, "model.safetensors"), files[0], origin, cancellationToken);
            return;
        }

        File.Delete(Path.Combine(folder, "model.safetensors"));
        JsonObject map = [];
        for (int i = 0; i < files.Count; i++)
        {
            string name = $"model-{i + 1:D5}-of-{files.Count:D5}.safetensors";
            WriteFile(Path.Combine(folder, name), files[i], origin, cancellationToken);
            foreach (RandomTensor tensor in files[i])
            {
                map[tensor.Name] = name;
            }
        }

        JsonObject index = new()
        {
            ["metadata"] = new JsonObject { ["total_size"] = tensors.Sum(static tensor => tensor.ByteCount) },
            ["weight_map"] = map,
        };
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), index.ToJsonString(Indented) + "\n");
    }

    private static List<List<RandomTensor>> Distribute(IReadOnlyList<RandomTensor> tensors, long shardSize)
    {
        List<List<RandomTensor>> files = [[]];
        long size = 0;
        foreach (RandomTensor tensor in tensors)
        {
            if (size > 0 && size + tensor.ByteCount > shardSize)
            {
                files.Add([]);
                size = 0;
            }

            files[^1].Add(tensor);
            size += tensor.ByteCount;
        }

        return files;
    }

    private static void WriteFile(string path, List<RandomTensor> tensors, string origin, CancellationToken cancellationToken)
    {
        // Wider elements first, so that every tensor is aligned to its elements.
        List<RandomTensor> ordered = [.. tensors.OrderByDescending(static tensor => tensor.Type.SizeInBytes())];
        using FileStream stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        stream.Write(Header(ordered, origin));
        byte[] chunk = new byte[ChunkBytes];
        foreach (RandomTensor tensor in ordered)
        {
            int elementBytes = tensor.Type.SizeInBytes();
            for (long offset = 0; offset < tensor.ByteCount; offset += ChunkBytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Span<byte> part = chunk.AsSpan(0, (int)Math.Min(ChunkBytes, tensor.ByteCount - offset));
                tensor.Fill(offset / elementBytes, part);
                stream.Write(part);
            }
        }
    }

    private static byte[] Header(List<RandomTensor> tensors, string origin)
    {
        JsonObject header = new() { ["__metadata__"] = new JsonObject { ["format"] = origin } };
        long offset = 0;
        foreach (RandomTensor tensor in tensors)
        {
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = TypeName(tensor.Type),
                ["shape"] = new JsonArray([.. tensor.Shape.Select(static dimension => (JsonNode)dimension)]),
                ["data_offsets"] = new JsonArray(offset, offset + tensor.ByteCount),
            };
            offset += tensor.ByteCount;
        }

        byte[] json = System.Text.Encoding.UTF8.GetBytes(header.ToJsonString());
        byte[] bytes = new byte[sizeof(ulong) + ((json.Length + 7) / 8 * 8)];
        bytes.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)(bytes.Length - sizeof(ulong)));
        json.CopyTo(bytes, sizeof(ulong));
        return bytes;
    }

    private static string TypeName(ElementType type) => type switch
    {
        ElementType.Float32 => "F32",
        ElementType.Float16 => "F16",
        ElementType.BFloat16 => "BF16",
        ElementType.UInt32 => "U32",
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };
}
