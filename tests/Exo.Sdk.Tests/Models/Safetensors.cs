using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Exo.Sdk.Tests.Models;

/// <summary>Writes safetensors files for tests, sound ones and others.</summary>
internal static class Safetensors
{
    /// <summary>A sound file.</summary>
    public static byte[] Of(params (string Name, string Type, int[] Shape, byte[] Data)[] tensors)
    {
        StringBuilder header = new("{");
        long offset = 0;
        foreach ((string name, string type, int[] shape, byte[] data) in tensors)
        {
            string separator = header.Length > 1 ? "," : "";
            header.Append(
                CultureInfo.InvariantCulture,
                $$"""{{separator}}"{{name}}":{"dtype":"{{type}}","shape":[{{string.Join(',', shape)}}],"data_offsets":[{{offset}},{{offset + data.Length}}]}""");
            offset += data.Length;
        }

        header.Append('}');
        header.Append(' ', (8 - (header.Length % 8)) % 8);
        return Raw(header.ToString(), [.. tensors.SelectMany(tensor => tensor.Data)]);
    }

    /// <summary>A header of any text, sound or not, and data.</summary>
    public static byte[] Raw(string header, params byte[] data) => Raw((ulong)Encoding.UTF8.GetByteCount(header), Encoding.UTF8.GetBytes(header), data);

    /// <summary>Any stated length, any header, any data.</summary>
    public static byte[] Raw(ulong statedLength, byte[] header, params byte[] data)
    {
        byte[] file = new byte[8 + header.Length + data.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(file, statedLength);
        header.CopyTo(file, 8);
        data.CopyTo(file, 8 + header.Length);
        return file;
    }

    /// <summary>Numbers as stored bytes.</summary>
    public static byte[] Bytes<T>(IEnumerable<T> values)
        where T : unmanaged => MemoryMarshal.AsBytes<T>(values.ToArray()).ToArray();
}
