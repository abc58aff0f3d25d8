using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;
using Exo.Sdk.Input;
using Microsoft.Win32.SafeHandles;

namespace Exo.Sdk.Models;

/// <summary>A stored tensor and where its bytes lie.</summary>
/// <param name="Info">Name, element type and shape.</param>
/// <param name="Offset">The first byte, counted from the start of the file.</param>
/// <param name="ByteCount">The size in bytes.</param>
internal sealed record StoredTensor(TensorInfo Info, long Offset, long ByteCount);

/// <summary>
/// The header of a safetensors file: a 64-bit length, then a JSON object from tensor names to type, shape and byte range
/// (format description in the README of github.com/huggingface/safetensors). What it demands is checked here, so that all later
/// arithmetic on offsets is safe: names are unique, each range is as long as type and shape say, and the ranges
/// cover the data without overlap, hole or rest.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>The longest header that the format's own library accepts.</summary>
    public const int MaxBytes = 100_000_000;

    private const int LengthBytes = sizeof(ulong);
    private const int MaxRank = 8;
    private const string MetadataKey = "__metadata__";

    /// <summary>Reads the raw header.</summary>
    public static byte[] ReadBytes(SafeFileHandle file, string path)
    {
        long fileLength = RandomAccess.GetLength(file);
        if (fileLength < LengthBytes)
        {
            throw new ModelFormatException(path, "the file is too short for a safetensors header", $"at least {LengthBytes} bytes", $"{fileLength}");
        }

        Span<byte> prefix = stackalloc byte[LengthBytes];
        BoundedFile.ReadExactly(file, path, 0, prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        ulong longest = (ulong)Math.Min(MaxBytes, fileLength - LengthBytes);
        if (length > longest)
        {
            throw new ModelFormatException(path, "the header's length is out of range", $"at most {longest} bytes", $"{length}", offset: 0);
        }

        byte[] header = new byte[length];
        BoundedFile.ReadExactly(file, path, LengthBytes, header);
        return header;
    }

    /// <summary>Parses and checks a raw header.</summary>
    /// <param name="header">The raw header.</param>
    /// <param name="path">The file, for errors.</param>
    /// <param name="fileLength">The file's size in bytes.</param>
    /// <returns>The tensors in the order of their bytes.</returns>
    public static List<StoredTensor> Parse(ReadOnlySpan<byte> header, string path, long fileLength)
    {
        HostileJson.RequireText(header, path, LengthBytes);
        if (header.IsEmpty || header[0] != (byte)'{')
        {
            string found = header.IsEmpty ? "an empty header" : $"byte 0x{header[0]:x2}";
            throw new ModelFormatException(path, "the header is no JSON object", "'{'", found, offset: LengthBytes);
        }

        Reader reader = new(header, path, dataStart: LengthBytes + header.Length);
        try
        {
            List<StoredTensor> tensors = reader.ReadTensors();
            RequireFullCover(tensors, path, LengthBytes + header.Length, fileLength);
            return tensors;
        }
        catch (JsonException error)
        {
            throw HostileJson.Malformed(path, error, LengthBytes + reader.Position);
        }
    }

    private static void RequireFullCover(List<StoredTensor> tensors, string path, long dataStart, long fileLength)
    {
        tensors.Sort((a, b) => (a.Offset, a.ByteCount).CompareTo((b.Offset, b.ByteCount)));
        long end = dataStart;
        foreach (StoredTensor tensor in tensors)
        {
            if (tensor.Offset != end)
            {
                string problem = tensor.Offset < end ? "the tensor overlaps the one before it" : "a hole lies before the tensor";
                throw new ModelFormatException(
                    path, problem, $"its data to begin at {end - dataStart}", $"{tensor.Offset - dataStart}",
                    HostileText.Quote(tensor.Info.Name), tensor.Offset);
            }

            end = tensor.Offset + tensor.ByteCount;
            if (end > fileLength)
            {
                throw new ModelFormatException(
                    path, "the tensor reaches beyond the end of the file", $"at most {fileLength - dataStart} bytes of data",
                    $"{end - dataStart}", HostileText.Quote(tensor.Info.Name), tensor.Offset);
            }
        }

        if (end != fileLength)
        {
            throw new ModelFormatException(
                path, "bytes follow the last tensor", $"a file of {end} bytes", $"{fileLength}", offset: end);
        }
    }

    /// <summary>One pass over the header's JSON.</summary>
    private ref struct Reader
    {
        private readonly string _path;
        private readonly long _dataStart;
        private Utf8JsonReader _json;

        public Reader(ReadOnlySpan<byte> header, string path, long dataStart)
        {
            _path = path;
            _dataStart = dataStart;
            _json = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = 16 });
        }

        public readonly long Position => _json.TokenStartIndex;

        public List<StoredTensor> ReadTensors()
        {
            List<StoredTensor> tensors = [];
            HashSet<string> names = new(StringComparer.Ordinal);
            _json.Read();
            while (NextProperty() is { } name)
            {
                if (!names.Add(name))
                {
                    throw Error("the name occurs twice", "each name once", "a second one", name);
                }

                if (name == MetadataKey)
                {
                    _json.Skip();
                }
                else
                {
                    tensors.Add(ReadTensor(name));
                }
            }

            _json.Read(); // Throws where anything but white space follows the object.
            return tensors;
        }

        private StoredTensor ReadTensor(string name)
        {
            long at = Position;
            Expect(JsonTokenType.StartObject, "an object", name);
            ElementType? type = null;
            ImmutableArray<int>? shape = null;
            (long Begin, long End)? range = null;
            while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
            {
                if (_json.ValueTextEquals("dtype"u8))
                {
                    RequireFirst(type is null, "dtype", name);
                    type = ReadType(name);
                }
                else if (_json.ValueTextEquals("shape"u8))
                {
                    RequireFirst(shape is null, "shape", name);
                    shape = ReadShape(name);
                }
                else if (_json.ValueTextEquals("data_offsets"u8))
                {
                    RequireFirst(range is null, "data_offsets", name);
                    range = ReadRange(name);
                }
                else
                {
                    _json.Skip();
                }
            }

            if (type is null || shape is null || range is null)
            {
                string missing = type is null ? "dtype" : shape is null ? "shape" : "data_offsets";
                throw Error("the description is incomplete", missing, "none", name, at);
            }

            return Checked(new TensorInfo(name, type.Value, shape.Value), range.Value, at);
        }

        private readonly void RequireFirst(bool isFirst, string key, string name)
        {
            if (!isFirst)
            {
                throw Error($"{key} is given twice", "it once", "a second one", name);
            }
        }

        private readonly StoredTensor Checked(TensorInfo info, (long Begin, long End) range, long at)
        {
            UInt128 size = (UInt128)info.Type.SizeInBytes();
            foreach (int dimension in info.Shape)
            {
                // Eight factors below 2³¹ do not fit, so stop once it is beyond any file; a later zero would still make it empty.
                size = size > long.MaxValue && dimension != 0 ? size : size * (UInt128)dimension;
            }

            if (range.End < range.Begin)
            {
                throw Error("the byte range runs backwards", $"an end of at least {range.Begin}", $"{range.End}", info.Name, at);
            }

            long byteCount = range.End - range.Begin;
            if (size != (UInt128)byteCount)
            {
                string expected = size > long.MaxValue ? "a shape that fits a file" : $"{size} bytes";
                string shape = string.Join(", ", info.Shape);
                throw Error(
                    "the byte range does not fit type and shape", expected, $"{byteCount} bytes for {info.Type} [{shape}]", info.Name, at);
            }

            // A begin near 2⁶³ must not wrap around when the data's start is added.
            if (range.End > long.MaxValue - _dataStart)
            {
                throw Error("the byte range lies beyond any file", $"at most {long.MaxValue - _dataStart}", $"{range.End}", info.Name, at);
            }

            return new StoredTensor(info, _dataStart + range.Begin, byteCount);
        }

        private ElementType ReadType(string name)
        {
            Expect(JsonTokenType.String, "a string", name);
            string type = _json.GetString()!;
            return SafetensorsTypes.Parse(type)
                ?? throw Error("the element type is unknown", string.Join(", ", SafetensorsTypes.Names), HostileText.Quote(type), name);
        }

        private ImmutableArray<int> ReadShape(string name)
        {
            Expect(JsonTokenType.StartArray, "an array of dimensions", name);
            Span<int> shape = stackalloc int[MaxRank];
            int rank = 0;
            while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
            {
                if (rank == MaxRank)
                {
                    throw Error("the shape has too many dimensions", $"at most {MaxRank}", "more", name);
                }

                shape[rank++] = (int)Number("a dimension", int.MaxValue, name);
            }

            return ImmutableArray.Create<int>(shape[..rank]);
        }

        private (long Begin, long End) ReadRange(string name)
        {
            Expect(JsonTokenType.StartArray, "an array of two offsets", name);
            _json.Read();
            long begin = Number("an offset", long.MaxValue, name);
            _json.Read();
            long end = Number("an offset", long.MaxValue, name);
            Expect(JsonTokenType.EndArray, "two offsets", name);
            return (begin, end);
        }

        private readonly long Number(string what, long max, string name)
        {
            if (_json.TokenType == JsonTokenType.Number && _json.TryGetInt64(out long value) && value >= 0 && value <= max)
            {
                return value;
            }

            throw Error($"{what} is out of range", $"a whole number 0…{max}", Found(), name);
        }

        private void Expect(JsonTokenType type, string what, string name)
        {
            _json.Read();
            if (_json.TokenType != type)
            {
                throw Error("the description has another form", what, Found(), name);
            }
        }

        private string? NextProperty()
        {
            _json.Read();
            return _json.TokenType == JsonTokenType.PropertyName ? _json.GetString() : null;
        }

        private readonly string Found() => _json.TokenType is JsonTokenType.Number or JsonTokenType.String or JsonTokenType.True or JsonTokenType.False
            ? HostileText.Quote(System.Text.Encoding.UTF8.GetString(_json.ValueSpan[..Math.Min(_json.ValueSpan.Length, 200)]))
            : _json.TokenType.ToString();

        private readonly ModelFormatException Error(string problem, string expected, string found, string? name, long? at = null) =>
            new(_path, problem, expected, found, name is null ? null : HostileText.Quote(name), LengthBytes + (at ?? Position));
    }
}
