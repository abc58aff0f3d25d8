using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>One row's words of a unit, taken out of its panel.</summary>
internal static unsafe class RowUnit
{
    internal static void Gather<TLanes, TVector, TPacking>(uint* words, int unitCount, int row, int unit, uint* destination)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TPacking : struct, IPacking
    {
        uint* source = words + (((((long)(row / TLanes.Count) * unitCount) + unit) * TPacking.WordsPerUnit * TLanes.Count) + (row % TLanes.Count));
        for (int word = 0; word < TPacking.WordsPerUnit; word++)
        {
            destination[word] = source[word * TLanes.Count];
        }
    }
}
