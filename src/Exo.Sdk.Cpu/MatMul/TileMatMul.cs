using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>
/// The product of a tile with several tokens' inputs: up to twelve tokens by two panels in registers, so that a weight that is loaded once
/// takes part in as many multiply-adds as there are tokens. Attention uses it as well, with keys or values as the tile.
/// </summary>
internal static unsafe class TileMatMul<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    /// <summary>Adds a tile's products to the outputs, or sets them.</summary>
    /// <param name="tile"><c>[depth, 2, lanes]</c> weights.</param>
    /// <param name="depth">Inputs.</param>
    /// <param name="x">The first token's inputs.</param>
    /// <param name="stride">From one token's inputs to the next one's.</param>
    /// <param name="tokens">How many tokens.</param>
    /// <param name="target">Where the products go.</param>
    internal static void Multiply(float* tile, int depth, float* x, long stride, int tokens, TileTarget target)
    {
        while (tokens > 0)
        {
            int count;
            if (tokens >= 12 && TLanes.HasManyRegisters)
            {
                Tokens12(tile, depth, x, stride, target);
                count = 12;
            }
            else if (tokens >= 6)
            {
                Tokens6(tile, depth, x, stride, target);
                count = 6;
            }
            else if (tokens >= 4)
            {
                Tokens4(tile, depth, x, stride, target);
                count = 4;
            }
            else if (tokens >= 2)
            {
                Tokens2(tile, depth, x, stride, target);
                count = 2;
            }
            else
            {
                Tokens1(tile, depth, x, stride, target);
                count = 1;
            }

            x += count * stride;
            target = target.Skip(count);
            tokens -= count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tokens12(float* tile, int depth, float* x, long stride, in TileTarget target)
    {
        TVector s0 = TLanes.Zero, u0 = TLanes.Zero;
        TVector s1 = TLanes.Zero, u1 = TLanes.Zero;
        TVector s2 = TLanes.Zero, u2 = TLanes.Zero;
        TVector s3 = TLanes.Zero, u3 = TLanes.Zero;
        TVector s4 = TLanes.Zero, u4 = TLanes.Zero;
        TVector s5 = TLanes.Zero, u5 = TLanes.Zero;
        TVector s6 = TLanes.Zero, u6 = TLanes.Zero;
        TVector s7 = TLanes.Zero, u7 = TLanes.Zero;
        TVector s8 = TLanes.Zero, u8 = TLanes.Zero;
        TVector s9 = TLanes.Zero, u9 = TLanes.Zero;
        TVector s10 = TLanes.Zero, u10 = TLanes.Zero;
        TVector s11 = TLanes.Zero, u11 = TLanes.Zero;
        float* x3 = x + (3 * stride);
        float* x6 = x + (6 * stride);
        float* x9 = x + (9 * stride);
        for (int i = 0; i < depth; i++)
        {
            TVector first = TLanes.Load(tile);
            TVector second = TLanes.Load(tile + TLanes.Count);
            tile += 2 * TLanes.Count;
            TVector a = TLanes.Broadcast(x[i]);
            s0 = TLanes.MultiplyAdd(first, a, s0);
            u0 = TLanes.MultiplyAdd(second, a, u0);
            a = TLanes.Broadcast(x[i + stride]);
            s1 = TLanes.MultiplyAdd(first, a, s1);
            u1 = TLanes.MultiplyAdd(second, a, u1);
            a = TLanes.Broadcast(x[i + (2 * stride)]);
            s2 = TLanes.MultiplyAdd(first, a, s2);
            u2 = TLanes.MultiplyAdd(second, a, u2);
            a = TLanes.Broadcast(x3[i]);
            s3 = TLanes.MultiplyAdd(first, a, s3);
            u3 = TLanes.MultiplyAdd(second, a, u3);
            a = TLanes.Broadcast(x3[i + stride]);
            s4 = TLanes.MultiplyAdd(first, a, s4);
            u4 = TLanes.MultiplyAdd(second, a, u4);
            a = TLanes.Broadcast(x3[i + (2 * stride)]);
            s5 = TLanes.MultiplyAdd(first, a, s5);
            u5 = TLanes.MultiplyAdd(second, a, u5);
            a = TLanes.Broadcast(x6[i]);
            s6 = TLanes.MultiplyAdd(first, a, s6);
            u6 = TLanes.MultiplyAdd(second, a, u6);
            a = TLanes.Broadcast(x6[i + stride]);
            s7 = TLanes.MultiplyAdd(first, a, s7);
            u7 = TLanes.MultiplyAdd(second, a, u7);
            a = TLanes.Broadcast(x6[i + (2 * stride)]);
            s8 = TLanes.MultiplyAdd(first, a, s8);
            u8 = TLanes.MultiplyAdd(second, a, u8);
            a = TLanes.Broadcast(x9[i]);
            s9 = TLanes.MultiplyAdd(first, a, s9);
            u9 = TLanes.MultiplyAdd(second, a, u9);
            a = TLanes.Broadcast(x9[i + stride]);
            s10 = TLanes.MultiplyAdd(first, a, s10);
            u10 = TLanes.MultiplyAdd(second, a, u10);
            a = TLanes.Broadcast(x9[i + (2 * stride)]);
            s11 = TLanes.MultiplyAdd(first, a, s11);
            u11 = TLanes.MultiplyAdd(second, a, u11);
        }

        target.Put(0, s0, u0);
        target.Put(1, s1, u1);
        target.Put(2, s2, u2);
        target.Put(3, s3, u3);
        target.Put(4, s4, u4);
        target.Put(5, s5, u5);
        target.Put(6, s6, u6);
        target.Put(7, s7, u7);
        target.Put(8, s8, u8);
        target.Put(9, s9, u9);
        target.Put(10, s10, u10);
        target.Put(11, s11, u11);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tokens6(float* tile, int depth, float* x, long stride, in TileTarget target)
    {
        TVector s0 = TLanes.Zero, u0 = TLanes.Zero;
        TVector s1 = TLanes.Zero, u1 = TLanes.Zero;
        TVector s2 = TLanes.Zero, u2 = TLanes.Zero;
        TVector s3 = TLanes.Zero, u3 = TLanes.Zero;
        TVector s4 = TLanes.Zero, u4 = TLanes.Zero;
        TVector s5 = TLanes.Zero, u5 = TLanes.Zero;
        float* x3 = x + (3 * stride);
        for (int i = 0; i < depth; i++)
        {
            TVector first = TLanes.Load(tile);
            TVector second = TLanes.Load(tile + TLanes.Count);
            tile += 2 * TLanes.Count;
            TVector a = TLanes.Broadcast(x[i]);
            s0 = TLanes.MultiplyAdd(first, a, s0);
            u0 = TLanes.MultiplyAdd(second, a, u0);
            a = TLanes.Broadcast(x[i + stride]);
            s1 = TLanes.MultiplyAdd(first, a, s1);
            u1 = TLanes.MultiplyAdd(second, a, u1);
            a = TLanes.Broadcast(x[i + (2 * stride)]);
            s2 = TLanes.MultiplyAdd(first, a, s2);
            u2 = TLanes.MultiplyAdd(second, a, u2);
            a = TLanes.Broadcast(x3[i]);
            s3 = TLanes.MultiplyAdd(first, a, s3);
            u3 = TLanes.MultiplyAdd(second, a, u3);
            a = TLanes.Broadcast(x3[i + stride]);
            s4 = TLanes.MultiplyAdd(first, a, s4);
            u4 = TLanes.MultiplyAdd(second, a, u4);
            a = TLanes.Broadcast(x3[i + (2 * stride)]);
            s5 = TLanes.MultiplyAdd(first, a, s5);
            u5 = TLanes.MultiplyAdd(second, a, u5);
        }

        target.Put(0, s0, u0);
        target.Put(1, s1, u1);
        target.Put(2, s2, u2);
        target.Put(3, s3, u3);
        target.Put(4, s4, u4);
        target.Put(5, s5, u5);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tokens4(float* tile, int depth, float* x, long stride, in TileTarget target)
    {
        TVector s0 = TLanes.Zero, u0 = TLanes.Zero;
        TVector s1 = TLanes.Zero, u1 = TLanes.Zero;
        TVector s2 = TLanes.Zero, u2 = TLanes.Zero;
        TVector s3 = TLanes.Zero, u3 = TLanes.Zero;
        float* x3 = x + (3 * stride);
        for (int i = 0; i < depth; i++)
        {
            TVector first = TLanes.Load(tile);
            TVector second = TLanes.Load(tile + TLanes.Count);
            tile += 2 * TLanes.Count;
            TVector a = TLanes.Broadcast(x[i]);
            s0 = TLanes.MultiplyAdd(first, a, s0);
            u0 = TLanes.MultiplyAdd(second, a, u0);
            a = TLanes.Broadcast(x[i + stride]);
            s1 = TLanes.MultiplyAdd(first, a, s1);
            u1 = TLanes.MultiplyAdd(second, a, u1);
            a = TLanes.Broadcast(x[i + (2 * stride)]);
            s2 = TLanes.MultiplyAdd(first, a, s2);
            u2 = TLanes.MultiplyAdd(second, a, u2);
            a = TLanes.Broadcast(x3[i]);
            s3 = TLanes.MultiplyAdd(first, a, s3);
            u3 = TLanes.MultiplyAdd(second, a, u3);
        }

        target.Put(0, s0, u0);
        target.Put(1, s1, u1);
        target.Put(2, s2, u2);
        target.Put(3, s3, u3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tokens2(float* tile, int depth, float* x, long stride, in TileTarget target)
    {
        TVector s0 = TLanes.Zero, u0 = TLanes.Zero;
        TVector s1 = TLanes.Zero, u1 = TLanes.Zero;
        for (int i = 0; i < depth; i++)
        {
            TVector first = TLanes.Load(tile);
            TVector second = TLanes.Load(tile + TLanes.Count);
            tile += 2 * TLanes.Count;
            TVector a = TLanes.Broadcast(x[i]);
            s0 = TLanes.MultiplyAdd(first, a, s0);
            u0 = TLanes.MultiplyAdd(second, a, u0);
            a = TLanes.Broadcast(x[i + stride]);
            s1 = TLanes.MultiplyAdd(first, a, s1);
            u1 = TLanes.MultiplyAdd(second, a, u1);
        }

        target.Put(0, s0, u0);
        target.Put(1, s1, u1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tokens1(float* tile, int depth, float* x, long stride, in TileTarget target)
    {
        TVector s0 = TLanes.Zero, u0 = TLanes.Zero;
        for (int i = 0; i < depth; i++)
        {
            TVector first = TLanes.Load(tile);
            TVector second = TLanes.Load(tile + TLanes.Count);
            tile += 2 * TLanes.Count;
            TVector a = TLanes.Broadcast(x[i]);
            s0 = TLanes.MultiplyAdd(first, a, s0);
            u0 = TLanes.MultiplyAdd(second, a, u0);
        }

        target.Put(0, s0, u0);
    }

    /// <summary>Where a tile's products go: outputs of two panels, for each token.</summary>
    /// <param name="y">The first token's outputs.</param>
    /// <param name="stride">From one token's outputs to the next one's.</param>
    /// <param name="adds">Whether to add to what is there.</param>
    /// <param name="hasSecond">Whether the second panel exists.</param>
    internal readonly struct TileTarget(float* y, long stride, bool adds, bool hasSecond)
    {
        internal TileTarget Skip(int tokens) => new(y + (tokens * stride), stride, adds, hasSecond);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal void Put(int token, TVector first, TVector second)
        {
            float* target = y + (token * stride);
            TLanes.Store(adds ? TLanes.Add(TLanes.Load(target), first) : first, target);
            if (hasSecond)
            {
                target += TLanes.Count;
                TLanes.Store(adds ? TLanes.Add(TLanes.Load(target), second) : second, target);
            }
        }
    }
}
