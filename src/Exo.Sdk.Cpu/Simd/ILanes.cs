namespace Exo.Sdk.Cpu.Simd;

/// <summary>
/// A vector register of 32-bit lanes, so that one kernel source serves 128, 256 and 512 bits. The compiler specialises a generic
/// method for each width and inlines every member. Lanes hold single-precision numbers unless a member says otherwise.
/// </summary>
internal unsafe interface ILanes<TSelf>
    where TSelf : struct, ILanes<TSelf>
{
    /// <summary>Lanes of the register: 4, 8 or 16.</summary>
    static abstract int Count { get; }

    /// <summary>Whether the processor has enough registers for 24 sums at a time.</summary>
    static abstract bool HasManyRegisters { get; }

    static abstract TSelf Zero { get; }

    static abstract TSelf Load(float* source);

    static abstract void Store(TSelf value, float* destination);

    /// <summary>Loads raw 32-bit words.</summary>
    static abstract TSelf LoadWords(uint* source);

    /// <summary>Loads as many 16-bit numbers as there are lanes, each into the lower half of its lane.</summary>
    static abstract TSelf LoadUInt16(ushort* source);

    /// <summary>Loads as many signed bytes as there are lanes, as integers.</summary>
    static abstract TSelf LoadSByte(sbyte* source);

    static abstract TSelf Broadcast(float value);

    /// <summary>The same 32 bits in each lane.</summary>
    static abstract TSelf BroadcastBits(uint bits);

    static abstract TSelf Add(TSelf a, TSelf b);

    static abstract TSelf Subtract(TSelf a, TSelf b);

    static abstract TSelf Multiply(TSelf a, TSelf b);

    static abstract TSelf Divide(TSelf a, TSelf b);

    /// <summary>a·b + c.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    static abstract TSelf Max(TSelf a, TSelf b);

    static abstract TSelf Abs(TSelf value);

    /// <summary>eˣ.</summary>
    static abstract TSelf Exp(TSelf value);

    static abstract TSelf And(TSelf bits, uint mask);

    static abstract TSelf Or(TSelf a, TSelf b);

    static abstract TSelf ShiftLeft(TSelf bits, int count);

    static abstract TSelf ShiftRight(TSelf bits, int count);

    /// <summary>Signed integers to numbers.</summary>
    static abstract TSelf ToSingle(TSelf integers);

    /// <summary>The sum of all lanes.</summary>
    static abstract float Sum(TSelf value);

    /// <summary>The largest lane.</summary>
    static abstract float MaxAcross(TSelf value);

    /// <summary>
    /// Adds the products of unsigned and signed bytes to a running sum, whose form is the processor's own: 16 bits for each pair of
    /// products, or 32 for each four. <see cref="Settle"/> must follow before a pair can leave 16 bits.
    /// </summary>
    static abstract TSelf AddByteProducts(TSelf sum, TSelf unsignedBytes, TSelf signedBytes);

    /// <summary>Adds a running sum of byte products to sums of 32 bits, four products to a lane.</summary>
    static abstract TSelf Settle(TSelf integers, TSelf sum);
}
