using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Exo.Sdk.Tokenization.SentencePiece;

/// <summary>
/// Reads protocol-buffer fields out of bytes, never beyond their end. The two dozen fields of a SentencePiece model
/// do not pay for a dependency.
/// </summary>
internal ref struct ProtoReader
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _file;
    private readonly long _base;
    private readonly ReadOnlySpan<byte> _bytes;
    private int _at;
    private int _wire;

    /// <param name="file">The file, for errors.</param>
    /// <param name="bytes">The message.</param>
    /// <param name="offset">Where in the file the message starts.</param>
    public ProtoReader(string file, ReadOnlySpan<byte> bytes, long offset = 0)
    {
        _file = file;
        _bytes = bytes;
        _base = offset;
    }

    /// <summary>The number of the field that was read last.</summary>
    public int Field { get; private set; }

    /// <summary>Where in the file the reader stands.</summary>
    public readonly long Offset => _base + _at;

    /// <summary>Reads the next field's number; false at the end.</summary>
    public bool Next()
    {
        if (_at >= _bytes.Length)
        {
            return false;
        }

        ulong key = Varint();
        Field = key >> 3 is > 0 and <= 0x1FFFFFFF ? (int)(key >> 3) : throw Fail("a field number is out of range", "1 to 536870911");
        _wire = (int)(key & 7);
        return true;
    }

    /// <summary>Reads a field that is a number or a truth value.</summary>
    public long Number()
    {
        Expect(0);
        return (long)Varint();
    }

    /// <summary>Reads a field that is a 32-bit float.</summary>
    public float Float()
    {
        Expect(5);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(4));
    }

    /// <summary>Reads a field that is a text.</summary>
    public string Text()
    {
        long offset = Offset;
        try
        {
            return StrictUtf8.GetString(Bytes());
        }
        catch (DecoderFallbackException e)
        {
            throw new ModelFormatException(_file, "a text is not UTF-8", "UTF-8", offset: offset, innerException: e);
        }
    }

    /// <summary>Reads a field that is a message.</summary>
    public ProtoReader Message()
    {
        ReadOnlySpan<byte> bytes = Bytes();
        return new(_file, bytes, Offset - bytes.Length);
    }

    /// <summary>Reads a field that is bytes.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        Expect(2);
        ulong length = Varint();
        return Take(length);
    }

    /// <summary>Steps over a field.</summary>
    public void Skip()
    {
        switch (_wire)
        {
            case 0:
                Varint();
                break;
            case 1:
                Take(8);
                break;
            case 2:
                Bytes();
                break;
            case 5:
                Take(4);
                break;
            default:
                throw Fail("a field has an unknown wire type", "0, 1, 2 or 5", _wire.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>The error to throw about this place.</summary>
    public readonly ModelFormatException Fail(string problem, string expected, string? found = null) =>
        new(_file, problem, expected, found, Field > 0 ? $"field {Field}" : null, Offset);

    private readonly void Expect(int wire)
    {
        if (_wire != wire)
        {
            throw Fail("a field has the wrong wire type", wire.ToString(CultureInfo.InvariantCulture), _wire.ToString(CultureInfo.InvariantCulture));
        }
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(_bytes.Length - _at))
        {
            throw Fail(
                "a field reaches beyond its message",
                string.Create(CultureInfo.InvariantCulture, $"at most {_bytes.Length - _at} bytes"),
                string.Create(CultureInfo.InvariantCulture, $"{length} bytes"));
        }

        ReadOnlySpan<byte> taken = _bytes.Slice(_at, (int)length);
        _at += (int)length;
        return taken;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Take(1)[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw Fail("a number has more than ten bytes", "a varint");
    }
}
