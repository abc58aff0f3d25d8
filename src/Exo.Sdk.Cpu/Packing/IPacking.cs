using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>
/// How a row's values lie in 32-bit words. Everything is seen in units of <see cref="Units.Inputs"/> values, which fill whole words in
/// every packing. In a panel (<see cref="Weights.PanelLayout"/>) each word of a row stands in the row's own lane, so one register holds the
/// same word of as many rows as there are lanes, and taking a value out of it is the same for all of them.
/// </summary>
internal unsafe interface IPacking
{
    /// <summary>Words of a unit.</summary>
    static abstract int WordsPerUnit { get; }

    /// <summary>
    /// The power of two that input i is multiplied with before <see cref="SumUnit"/>, which takes some values out without shifting them down.
    /// </summary>
    static abstract float InputScale(int i);

    /// <summary>Σ over a unit of value · x, for as many rows as there are lanes.</summary>
    /// <param name="unit">The unit's words, a register for each.</param>
    /// <param name="x">The unit's inputs, scaled by <see cref="InputScale"/>.</param>
    static abstract TLanes SumUnit<TLanes>(uint* unit, float* x)
        where TLanes : struct, ILanes<TLanes>;

    /// <summary>Value i of a unit, for as many rows as there are lanes.</summary>
    static abstract TLanes Number<TLanes>(uint* unit, int i)
        where TLanes : struct, ILanes<TLanes>;

    /// <summary>Value i of one row's unit.</summary>
    static abstract float Number(uint* words, int i);
}

/// <summary>Packed unsigned integers, which can be multiplied with 8-bit inputs four at a time.</summary>
internal unsafe interface IIntegerPacking : IPacking
{
    /// <summary>Bits of a value.</summary>
    static abstract int Bits { get; }

    /// <summary>Four values of a unit as bytes, for as many rows as there are lanes; quad 0 … 7.</summary>
    static abstract TLanes Quad<TLanes>(uint* unit, int quad)
        where TLanes : struct, ILanes<TLanes>;

    /// <summary>Which of the unit's values is a byte of a quad.</summary>
    static abstract int QuadInput(int quad, int index);
}

/// <summary>The unit that all packings share.</summary>
internal static class Units
{
    /// <summary>Values of a unit.</summary>
    internal const int Inputs = 32;

    /// <summary>Quads of a unit.</summary>
    internal const int Quads = 8;

    /// <summary>A number of inputs, filled up to whole units.</summary>
    internal static int Pad(int inputs) => (inputs + Inputs - 1) / Inputs * Inputs;
}
