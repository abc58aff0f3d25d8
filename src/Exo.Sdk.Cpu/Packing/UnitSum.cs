using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>A unit's sum of products for any packing. Written out, because the places of values must be constants, in four sums, which hide a multiply-add's latency.</summary>
internal static unsafe class UnitSum
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TLanes Of<TLanes, TPacking>(uint* unit, float* x)
        where TLanes : struct, ILanes<TLanes>
        where TPacking : struct, IPacking
    {
        TLanes chain0 = TLanes.Multiply(TPacking.Number<TLanes>(unit, 0), TLanes.Broadcast(x[0]));
        TLanes chain1 = TLanes.Multiply(TPacking.Number<TLanes>(unit, 8), TLanes.Broadcast(x[8]));
        TLanes chain2 = TLanes.Multiply(TPacking.Number<TLanes>(unit, 16), TLanes.Broadcast(x[16]));
        TLanes chain3 = TLanes.Multiply(TPacking.Number<TLanes>(unit, 24), TLanes.Broadcast(x[24]));
        chain0 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 1), TLanes.Broadcast(x[1]), chain0);
        chain1 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 9), TLanes.Broadcast(x[9]), chain1);
        chain2 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 17), TLanes.Broadcast(x[17]), chain2);
        chain3 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 25), TLanes.Broadcast(x[25]), chain3);
        chain0 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 2), TLanes.Broadcast(x[2]), chain0);
        chain1 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 10), TLanes.Broadcast(x[10]), chain1);
        chain2 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 18), TLanes.Broadcast(x[18]), chain2);
        chain3 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 26), TLanes.Broadcast(x[26]), chain3);
        chain0 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 3), TLanes.Broadcast(x[3]), chain0);
        chain1 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 11), TLanes.Broadcast(x[11]), chain1);
        chain2 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 19), TLanes.Broadcast(x[19]), chain2);
        chain3 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 27), TLanes.Broadcast(x[27]), chain3);
        chain0 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 4), TLanes.Broadcast(x[4]), chain0);
        chain1 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 12), TLanes.Broadcast(x[12]), chain1);
        chain2 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 20), TLanes.Broadcast(x[20]), chain2);
        chain3 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 28), TLanes.Broadcast(x[28]), chain3);
        chain0 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 5), TLanes.Broadcast(x[5]), chain0);
        chain1 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 13), TLanes.Broadcast(x[13]), chain1);
        chain2 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 21), TLanes.Broadcast(x[21]), chain2);
        chain3 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 29), TLanes.Broadcast(x[29]), chain3);
        chain0 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 6), TLanes.Broadcast(x[6]), chain0);
        chain1 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 14), TLanes.Broadcast(x[14]), chain1);
        chain2 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 22), TLanes.Broadcast(x[22]), chain2);
        chain3 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 30), TLanes.Broadcast(x[30]), chain3);
        chain0 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 7), TLanes.Broadcast(x[7]), chain0);
        chain1 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 15), TLanes.Broadcast(x[15]), chain1);
        chain2 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 23), TLanes.Broadcast(x[23]), chain2);
        chain3 = TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 31), TLanes.Broadcast(x[31]), chain3);
        return TLanes.Add(TLanes.Add(chain0, chain1), TLanes.Add(chain2, chain3));
    }
}
