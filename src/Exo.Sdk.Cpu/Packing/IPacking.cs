using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>
/// How a row's values lie in 32-bit words. Everything is seen in units of <see cref="Units.Inputs"/> values, which fill whole words in
/// every packing. In a panel (<see cref="Weights.PanelLayout"/>) each word of a row stands in the row's own lane, so one register holds the
/// same word of as many rows as there are lanes, and taking a value out of it is the same for all of them.
/// </summary>
/// <remarks>The members with loops are methods of their own for the compiler, which inlines only so much into one.</remarks>
internal unsafe interface IPacking
{
    /// <summary>Words of a unit.</summary>
    static abstract int WordsPerUnit { get; }

    /// <summary>
    /// The power of two that input i of a unit is multiplied with before <see cref="SumGroups"/>, which takes some values out without
    /// shifting them down.
    /// </summary>
    static abstract float InputScale(int i);

    /// <summary>Σ value · x over each of some groups of units, for as many rows as there are lanes.</summary>
    /// <param name="unit">The units' words, a register for each.</param>
    /// <param name="x">The units' inputs, scaled by <see cref="InputScale"/>.</param>
    /// <param name="groups">How many groups.</param>
    /// <param name="unitsPerGroup">Units of a group.</param>
    /// <param name="sums">Where the sums go, a register for each group.</param>
    static abstract void SumGroups<TLanes, TVector>(uint* unit, float* x, int groups, int unitsPerGroup, float* sums)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct;

    /// <summary>Writes a unit's values, times a scale and plus an offset, to every second register of a tile.</summary>
    /// <param name="unit">The unit's words, a register for each.</param>
    /// <param name="scale">Each row's scale; plain numbers ignore it.</param>
    /// <param name="offset">Each row's offset; plain numbers ignore it.</param>
    /// <param name="tile">The first register.</param>
    static abstract void Unpack<TLanes, TVector>(uint* unit, TVector scale, TVector offset, float* tile)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct;

    /// <summary>Value i of one row's unit.</summary>
    static abstract float Number(uint* words, int i);
}

/// <summary>Packed unsigned integers, which can be multiplied with 8-bit inputs four at a time.</summary>
internal unsafe interface IIntegerPacking : IPacking
{
    /// <summary>Bits of a value.</summary>
    static abstract int Bits { get; }

    /// <summary>
    /// Quads whose products with 8-bit inputs may be added up in 16 bits, two products each, before they are settled: at most
    /// 32767 / (2·127·(2^bits − 1)), and a divisor of a unit's quads; 0 where not even two fit.
    /// </summary>
    static abstract int QuadsAtOnce { get; }

    /// <summary>Four values of a unit as bytes, for as many rows as there are lanes; quad 0 … 7.</summary>
    static abstract TVector Quad<TLanes, TVector>(uint* unit, int quad)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct;

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
