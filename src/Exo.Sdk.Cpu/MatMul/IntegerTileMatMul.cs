using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>The product of a tile of small integers with several tokens' 8-bit inputs, four tokens by two panels in registers.</summary>
internal static unsafe class IntegerTileMatMul<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    /// <summary>Adds a tile's products to the outputs, or sets them.</summary>
    /// <param name="tile"><c>[quads, 2, lanes, 4]</c> weights.</param>
    /// <param name="groups"><c>[groups, 4, lanes]</c>: scales of both panels, then their offsets.</param>
    /// <param name="groupCount">Groups of the tile.</param>
    /// <param name="unitsPerGroup">Units of a group.</param>
    /// <param name="x">The first token's 8-bit inputs.</param>
    /// <param name="numbers">The first token's numbers of the tile's groups (<see cref="IntegerInput"/>).</param>
    /// <param name="stride">Bytes from one token's inputs to the next one's.</param>
    /// <param name="tokens">How many tokens.</param>
    /// <param name="target">Where the products go.</param>
    internal static void Multiply<TPacking>(
        byte* tile, float* groups, int groupCount, int unitsPerGroup, byte* x, float* numbers, long stride, int tokens, TileMatMul<TLanes, TVector>.TileTarget target)
        where TPacking : struct, IIntegerPacking
    {
        while (tokens > 0)
        {
            int count;
            if (tokens >= 4)
            {
                Tokens4<TPacking>(tile, groups, groupCount, unitsPerGroup, x, numbers, stride, target);
                count = 4;
            }
            else if (tokens >= 2)
            {
                Tokens2<TPacking>(tile, groups, groupCount, unitsPerGroup, x, numbers, stride, target);
                count = 2;
            }
            else
            {
                Tokens1<TPacking>(tile, groups, groupCount, unitsPerGroup, x, numbers, stride, target);
                count = 1;
            }

            x += count * stride;
            numbers = (float*)((byte*)numbers + (count * stride));
            target = target.Skip(count);
            tokens -= count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tokens4<TPacking>(byte* tile, float* groups, int groupCount, int unitsPerGroup, byte* x, float* numbers, long stride, in TileMatMul<TLanes, TVector>.TileTarget target)
        where TPacking : struct, IIntegerPacking
    {
        TVector s0 = TLanes.Zero, u0 = TLanes.Zero;
        TVector s1 = TLanes.Zero, u1 = TLanes.Zero;
        TVector s2 = TLanes.Zero, u2 = TLanes.Zero;
        TVector s3 = TLanes.Zero, u3 = TLanes.Zero;
        byte* x1 = x + (1 * stride);
        byte* x2 = x + (2 * stride);
        byte* x3 = x + (3 * stride);
        int registerBytes = TLanes.Count * sizeof(float);
        for (int group = 0; group < groupCount; group++)
        {
            TVector i0 = TLanes.Zero, j0 = TLanes.Zero;
            TVector i1 = TLanes.Zero, j1 = TLanes.Zero;
            TVector i2 = TLanes.Zero, j2 = TLanes.Zero;
            TVector i3 = TLanes.Zero, j3 = TLanes.Zero;
            for (int chunk = 0; chunk < unitsPerGroup * Units.Quads; chunk += TPacking.QuadsAtOnce)
            {
                TVector p0 = TLanes.Zero, q0 = TLanes.Zero;
                TVector p1 = TLanes.Zero, q1 = TLanes.Zero;
                TVector p2 = TLanes.Zero, q2 = TLanes.Zero;
                TVector p3 = TLanes.Zero, q3 = TLanes.Zero;
                for (int quad = 0; quad < TPacking.QuadsAtOnce; quad++)
                {
                    TVector first = TLanes.Load((float*)tile);
                    TVector second = TLanes.Load((float*)(tile + registerBytes));
                    tile += 2 * registerBytes;
                    TVector a = TLanes.BroadcastBits(*(uint*)x);
                    x += sizeof(uint);
                    p0 = TLanes.AddByteProducts(p0, first, a);
                    q0 = TLanes.AddByteProducts(q0, second, a);
                    a = TLanes.BroadcastBits(*(uint*)x1);
                    x1 += sizeof(uint);
                    p1 = TLanes.AddByteProducts(p1, first, a);
                    q1 = TLanes.AddByteProducts(q1, second, a);
                    a = TLanes.BroadcastBits(*(uint*)x2);
                    x2 += sizeof(uint);
                    p2 = TLanes.AddByteProducts(p2, first, a);
                    q2 = TLanes.AddByteProducts(q2, second, a);
                    a = TLanes.BroadcastBits(*(uint*)x3);
                    x3 += sizeof(uint);
                    p3 = TLanes.AddByteProducts(p3, first, a);
                    q3 = TLanes.AddByteProducts(q3, second, a);
                }

                i0 = TLanes.Settle(i0, p0);
                j0 = TLanes.Settle(j0, q0);
                i1 = TLanes.Settle(i1, p1);
                j1 = TLanes.Settle(j1, q1);
                i2 = TLanes.Settle(i2, p2);
                j2 = TLanes.Settle(j2, q2);
                i3 = TLanes.Settle(i3, p3);
                j3 = TLanes.Settle(j3, q3);
            }

            TVector scale = TLanes.Load(groups);
            TVector scale2 = TLanes.Load(groups + TLanes.Count);
            TVector offset = TLanes.Load(groups + (2 * TLanes.Count));
            TVector offset2 = TLanes.Load(groups + (3 * TLanes.Count));
            groups += 4 * TLanes.Count;
            float* number = numbers;
            s0 = IntegerGroup.Add<TLanes, TVector>(s0, i0, scale, offset, number);
            u0 = IntegerGroup.Add<TLanes, TVector>(u0, j0, scale2, offset2, number);
            number = (float*)((byte*)number + stride);
            s1 = IntegerGroup.Add<TLanes, TVector>(s1, i1, scale, offset, number);
            u1 = IntegerGroup.Add<TLanes, TVector>(u1, j1, scale2, offset2, number);
            number = (float*)((byte*)number + stride);
            s2 = IntegerGroup.Add<TLanes, TVector>(s2, i2, scale, offset, number);
            u2 = IntegerGroup.Add<TLanes, TVector>(u2, j2, scale2, offset2, number);
            number = (float*)((byte*)number + stride);
            s3 = IntegerGroup.Add<TLanes, TVector>(s3, i3, scale, offset, number);
            u3 = IntegerGroup.Add<TLanes, TVector>(u3, j3, scale2, offset2, number);
            numbers += IntegerInput.NumbersPerGroup;
        }

        target.Put(0, s0, u0);
        target.Put(1, s1, u1);
        target.Put(2, s2, u2);
        target.Put(3, s3, u3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tokens2<TPacking>(byte* tile, float* groups, int groupCount, int unitsPerGroup, byte* x, float* numbers, long stride, in TileMatMul<TLanes, TVector>.TileTarget target)
        where TPacking : struct, IIntegerPacking
    {
        TVector s0 = TLanes.Zero, u0 = TLanes.Zero;
        TVector s1 = TLanes.Zero, u1 = TLanes.Zero;
        byte* x1 = x + (1 * stride);
        int registerBytes = TLanes.Count * sizeof(float);
        for (int group = 0; group < groupCount; group++)
        {
            TVector i0 = TLanes.Zero, j0 = TLanes.Zero;
            TVector i1 = TLanes.Zero, j1 = TLanes.Zero;
            for (int chunk = 0; chunk < unitsPerGroup * Units.Quads; chunk += TPacking.QuadsAtOnce)
            {
                TVector p0 = TLanes.Zero, q0 = TLanes.Zero;
                TVector p1 = TLanes.Zero, q1 = TLanes.Zero;
                for (int quad = 0; quad < TPacking.QuadsAtOnce; quad++)
                {
                    TVector first = TLanes.Load((float*)tile);
                    TVector second = TLanes.Load((float*)(tile + registerBytes));
                    tile += 2 * registerBytes;
                    TVector a = TLanes.BroadcastBits(*(uint*)x);
                    x += sizeof(uint);
                    p0 = TLanes.AddByteProducts(p0, first, a);
                    q0 = TLanes.AddByteProducts(q0, second, a);
                    a = TLanes.BroadcastBits(*(uint*)x1);
                    x1 += sizeof(uint);
                    p1 = TLanes.AddByteProducts(p1, first, a);
                    q1 = TLanes.AddByteProducts(q1, second, a);
                }

                i0 = TLanes.Settle(i0, p0);
                j0 = TLanes.Settle(j0, q0);
                i1 = TLanes.Settle(i1, p1);
                j1 = TLanes.Settle(j1, q1);
            }

            TVector scale = TLanes.Load(groups);
            TVector scale2 = TLanes.Load(groups + TLanes.Count);
            TVector offset = TLanes.Load(groups + (2 * TLanes.Count));
            TVector offset2 = TLanes.Load(groups + (3 * TLanes.Count));
            groups += 4 * TLanes.Count;
            float* number = numbers;
            s0 = IntegerGroup.Add<TLanes, TVector>(s0, i0, scale, offset, number);
            u0 = IntegerGroup.Add<TLanes, TVector>(u0, j0, scale2, offset2, number);
            number = (float*)((byte*)number + stride);
            s1 = IntegerGroup.Add<TLanes, TVector>(s1, i1, scale, offset, number);
            u1 = IntegerGroup.Add<TLanes, TVector>(u1, j1, scale2, offset2, number);
            numbers += IntegerInput.NumbersPerGroup;
        }

        target.Put(0, s0, u0);
        target.Put(1, s1, u1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tokens1<TPacking>(byte* tile, float* groups, int groupCount, int unitsPerGroup, byte* x, float* numbers, long stride, in TileMatMul<TLanes, TVector>.TileTarget target)
        where TPacking : struct, IIntegerPacking
    {
        TVector s0 = TLanes.Zero, u0 = TLanes.Zero;
        int registerBytes = TLanes.Count * sizeof(float);
        for (int group = 0; group < groupCount; group++)
        {
            TVector i0 = TLanes.Zero, j0 = TLanes.Zero;
            for (int chunk = 0; chunk < unitsPerGroup * Units.Quads; chunk += TPacking.QuadsAtOnce)
            {
                TVector p0 = TLanes.Zero, q0 = TLanes.Zero;
                for (int quad = 0; quad < TPacking.QuadsAtOnce; quad++)
                {
                    TVector first = TLanes.Load((float*)tile);
                    TVector second = TLanes.Load((float*)(tile + registerBytes));
                    tile += 2 * registerBytes;
                    TVector a = TLanes.BroadcastBits(*(uint*)x);
                    x += sizeof(uint);
                    p0 = TLanes.AddByteProducts(p0, first, a);
                    q0 = TLanes.AddByteProducts(q0, second, a);
                }

                i0 = TLanes.Settle(i0, p0);
                j0 = TLanes.Settle(j0, q0);
            }

            TVector scale = TLanes.Load(groups);
            TVector scale2 = TLanes.Load(groups + TLanes.Count);
            TVector offset = TLanes.Load(groups + (2 * TLanes.Count));
            TVector offset2 = TLanes.Load(groups + (3 * TLanes.Count));
            groups += 4 * TLanes.Count;
            float* number = numbers;
            s0 = IntegerGroup.Add<TLanes, TVector>(s0, i0, scale, offset, number);
            u0 = IntegerGroup.Add<TLanes, TVector>(u0, j0, scale2, offset2, number);
            numbers += IntegerInput.NumbersPerGroup;
        }

        target.Put(0, s0, u0);
    }
}
