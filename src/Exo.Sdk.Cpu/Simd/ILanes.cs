namespace Exo.Sdk.Cpu.Simd;

/// <summary>
/// A vector register of 32-bit lanes, so that one kernel source serves 128, 256 and 512 bits. The compiler specializes a generic
/// method for each width and inlines every member. Lanes hold single-precision numbers unless a member says otherwise.
/// </summary>
internal unsafe interface ILanes<TVector>
    where TVector : struct
{
    /// <summary>Lanes of the register: 4, 8 or 16.</summary>
    static abstract int Count { get; }

    /// <summary>Whether the processor has enough registers for 24 sums at a time.</summary>
    static abstract bool HasManyRegisters { get; }

    static abstract TVector Zero { get; }

    static abstract TVector Load(float* source);

    static abstract void Store(TVector value, float* destination);

    /// <summary>Loads raw 32-bit words.</summary>
    static abstract TVector LoadWords(uint* source);

    /// <summary>Loads as many 16-bit numbers as there are lanes, each into the lower half of its lane.</summary>
    static abstract TVector LoadUInt16(ushort* source);

    /// <summary>Loads as many signed bytes as there are lanes, as integers.</summary>
    static abstract TVector LoadSByte(sbyte* source);

    static abstract TVector Broadcast(float value);

    /// <summary>The same 32 bits in each lane.</summary>
    static abstract TVector BroadcastBits(uint bits);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Subtract(TVector a, TVector b);

    static abstract TVector Multiply(TVector a, TVector b);

    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>a·b + c.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    static abstract TVector Max(TVector a, TVector b);

    static abstract TVector Abs(TVector value);

    /// <summary>eˣ.</summary>
    static abstract TVector Exp(TVector value);

    static abstract TVector And(TVector bits, uint mask);

    static abstract TVector And(TVector a, TVector b);

    static abstract TVector Or(TVector a, TVector b);

    static abstract TVector ShiftLeft(TVector bits, int count);

    static abstract TVector ShiftRight(TVector bits, int count);

    /// <summary>Shifts, with the top bit coming in.</summary>
    static abstract TVector ShiftRightSigned(TVector bits, int count);

    /// <summary>Signed integers to numbers.</summary>
    static abstract TVector ToSingle(TVector integers);

    /// <summary>The sum of all lanes.</summary>
    static abstract float Sum(TVector value);

    /// <summary>The largest lane.</summary>
    static abstract float MaxAcross(TVector value);

    /// <summary>
    /// Adds the products of unsigned and signed bytes to a running sum, whose form is the processor's own: 16 bits for each pair of
    /// products, or 32 for each four. <see cref="Settle"/> must follow before a pair can leave 16 bits.
    /// </summary>
    static abstract TVector AddByteProducts(TVector sum, TVector unsignedBytes, TVector signedBytes);

    /// <summary>Adds a running sum of byte products to sums of 32 bits, four products to a lane.</summary>
    static abstract TVector Settle(TVector integers, TVector sum);
}
