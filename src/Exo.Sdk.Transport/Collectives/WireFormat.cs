namespace Exo.Sdk.Transport.Collectives;

/// <summary>How float32 values are written for an all-reduce of less than full precision. Stateless and thread-safe.</summary>
/// <remarks>Every method gives the same bits on every machine, whatever its registers: it is only rounding, scaling and adding.</remarks>
internal abstract class WireFormat
{
    /// <summary>Values that are written together.</summary>
    public abstract int BlockLength { get; }

    /// <summary>The bytes of a whole block.</summary>
    public abstract int BlockBytes { get; }

    /// <summary>What a message's header calls a contribution in this format.</summary>
    public abstract Operation Reduce { get; }

    /// <summary>What a message's header calls a sum in this format.</summary>
    public abstract Operation Reduced { get; }

    /// <summary>Chooses a format.</summary>
    /// <param name="precision">What the group agreed on.</param>
    /// <returns>The format, or null where values travel as they are.</returns>
    public static WireFormat? Of(WirePrecision precision) => precision switch
    {
        WirePrecision.Float32 => null,
        WirePrecision.BFloat16 => new BFloat16Format(),
        WirePrecision.Int8Blocks => new Int8BlockFormat(),
        _ => throw new ArgumentOutOfRangeException(nameof(precision)),
    };

    /// <summary>The bytes that values take; the last block may be a part.</summary>
    /// <param name="length">The number of values.</param>
    /// <returns>Bytes.</returns>
    public abstract int ByteCount(int length);

    /// <summary>Writes values.</summary>
    /// <param name="values">The values, from the start of a block on.</param>
    /// <param name="wire">Exactly as many bytes as they take.</param>
    public abstract void Encode(ReadOnlySpan<float> values, Span<byte> wire);

    /// <summary>Reads values.</summary>
    /// <param name="wire">The bytes, from the start of a block on.</param>
    /// <param name="values">The values that they hold.</param>
    public abstract void Decode(ReadOnlySpan<byte> wire, Span<float> values);

    /// <summary>Reads values and adds them.</summary>
    /// <param name="wire">The bytes, from the start of a block on.</param>
    /// <param name="sum">What the values that they hold are added to.</param>
    public abstract void Add(ReadOnlySpan<byte> wire, Span<float> sum);
}
