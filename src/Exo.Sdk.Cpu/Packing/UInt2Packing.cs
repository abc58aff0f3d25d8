using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>Unsigned 2-bit integers, sixteen to a word, the first in the lowest bits.</summary>
internal readonly unsafe struct UInt2Packing : IIntegerPacking
{
    public static int Bits => 2;

    public static int WordsPerUnit => 2;

    // The top value is shifted down, because as it stands it would read as a negative number.
    public static float InputScale(int i) => i % 16 == 15 ? 1 : 1f / (1u << (2 * (i % 16)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes SumUnit<TLanes>(uint* unit, float* x)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes word0 = TLanes.LoadWords(unit);
        TLanes word1 = TLanes.LoadWords(unit + TLanes.Count);
        TLanes chain0 = TLanes.Multiply(Field(word0, 0), TLanes.Broadcast(x[0]));
        TLanes chain1 = TLanes.Multiply(Field(word0, 8), TLanes.Broadcast(x[8]));
        TLanes chain2 = TLanes.Multiply(Field(word1, 0), TLanes.Broadcast(x[16]));
        TLanes chain3 = TLanes.Multiply(Field(word1, 8), TLanes.Broadcast(x[24]));
        chain0 = TLanes.MultiplyAdd(Field(word0, 1), TLanes.Broadcast(x[1]), chain0);
        chain1 = TLanes.MultiplyAdd(Field(word0, 9), TLanes.Broadcast(x[9]), chain1);
        chain2 = TLanes.MultiplyAdd(Field(word1, 1), TLanes.Broadcast(x[17]), chain2);
        chain3 = TLanes.MultiplyAdd(Field(word1, 9), TLanes.Broadcast(x[25]), chain3);
        chain0 = TLanes.MultiplyAdd(Field(word0, 2), TLanes.Broadcast(x[2]), chain0);
        chain1 = TLanes.MultiplyAdd(Field(word0, 10), TLanes.Broadcast(x[10]), chain1);
        chain2 = TLanes.MultiplyAdd(Field(word1, 2), TLanes.Broadcast(x[18]), chain2);
        chain3 = TLanes.MultiplyAdd(Field(word1, 10), TLanes.Broadcast(x[26]), chain3);
        chain0 = TLanes.MultiplyAdd(Field(word0, 3), TLanes.Broadcast(x[3]), chain0);
        chain1 = TLanes.MultiplyAdd(Field(word0, 11), TLanes.Broadcast(x[11]), chain1);
        chain2 = TLanes.MultiplyAdd(Field(word1, 3), TLanes.Broadcast(x[19]), chain2);
        chain3 = TLanes.MultiplyAdd(Field(word1, 11), TLanes.Broadcast(x[27]), chain3);
        chain0 = TLanes.MultiplyAdd(Field(word0, 4), TLanes.Broadcast(x[4]), chain0);
        chain1 = TLanes.MultiplyAdd(Field(word0, 12), TLanes.Broadcast(x[12]), chain1);
        chain2 = TLanes.MultiplyAdd(Field(word1, 4), TLanes.Broadcast(x[20]), chain2);
        chain3 = TLanes.MultiplyAdd(Field(word1, 12), TLanes.Broadcast(x[28]), chain3);
        chain0 = TLanes.MultiplyAdd(Field(word0, 5), TLanes.Broadcast(x[5]), chain0);
        chain1 = TLanes.MultiplyAdd(Field(word0, 13), TLanes.Broadcast(x[13]), chain1);
        chain2 = TLanes.MultiplyAdd(Field(word1, 5), TLanes.Broadcast(x[21]), chain2);
        chain3 = TLanes.MultiplyAdd(Field(word1, 13), TLanes.Broadcast(x[29]), chain3);
        chain0 = TLanes.MultiplyAdd(Field(word0, 6), TLanes.Broadcast(x[6]), chain0);
        chain1 = TLanes.MultiplyAdd(Field(word0, 14), TLanes.Broadcast(x[14]), chain1);
        chain2 = TLanes.MultiplyAdd(Field(word1, 6), TLanes.Broadcast(x[22]), chain2);
        chain3 = TLanes.MultiplyAdd(Field(word1, 14), TLanes.Broadcast(x[30]), chain3);
        chain0 = TLanes.MultiplyAdd(Field(word0, 7), TLanes.Broadcast(x[7]), chain0);
        chain1 = TLanes.MultiplyAdd(Field(word0, 15), TLanes.Broadcast(x[15]), chain1);
        chain2 = TLanes.MultiplyAdd(Field(word1, 7), TLanes.Broadcast(x[23]), chain2);
        chain3 = TLanes.MultiplyAdd(Field(word1, 15), TLanes.Broadcast(x[31]), chain3);
        return TLanes.Add(TLanes.Add(chain0, chain1), TLanes.Add(chain2, chain3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Number<TLanes>(uint* unit, int i)
        where TLanes : struct, ILanes<TLanes> =>
        TLanes.ToSingle(TLanes.And(TLanes.ShiftRight(TLanes.LoadWords(unit + (i / 16 * TLanes.Count)), 2 * (i % 16)), 0x3));

    public static float Number(uint* words, int i) => (words[i / 16] >> (2 * (i % 16))) & 0x3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Quad<TLanes>(uint* unit, int quad)
        where TLanes : struct, ILanes<TLanes> =>
        TLanes.And(TLanes.ShiftRight(TLanes.LoadWords(unit + (quad / 4 * TLanes.Count)), 2 * (quad % 4)), 0x03030303);

    public static int QuadInput(int quad, int index) => (16 * (quad / 4)) + (quad % 4) + (4 * index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Field<TLanes>(TLanes word, int place)
        where TLanes : struct, ILanes<TLanes> => place == 15
        ? TLanes.ToSingle(TLanes.ShiftRight(word, 30))
        : TLanes.ToSingle(TLanes.And(word, 0x3u << (2 * place)));
}
