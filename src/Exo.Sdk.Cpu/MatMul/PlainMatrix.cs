using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>A matrix of plain numbers in their stored element type, widened to single precision inside the product.</summary>
internal sealed unsafe class PlainMatrix<TLanes, TVector, TPacking>(int outputCount, int inputCount, NativeBlock words, float[]? bias)
    : WeightMatrix(outputCount, inputCount, bias)
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
    where TPacking : struct, IPacking
{
    private readonly uint* _words = (uint*)words.Bytes;
    private readonly int _unitCount = Units.Pad(inputCount) / Units.Inputs;

    internal override int PanelWidth => TLanes.Count;

    internal override long ByteCount => words.ByteCount;

    internal override InputForm Form => new(InputKind.Plain);

    internal override int ArrangedBytes => 0;

    private static int UnitWords => TPacking.WordsPerUnit * TLanes.Count;

    internal override bool WantsArranged(int tokens) => false;

    internal override void Arrange(float* x, byte* arranged)
    {
    }

    internal override void ReadRow(int row, Span<float> destination)
    {
        uint* unit = stackalloc uint[TPacking.WordsPerUnit];
        for (int i = 0; i < destination.Length; i++)
        {
            if (i % Units.Inputs == 0)
            {
                RowUnit.Gather<TLanes, TVector, TPacking>(_words, _unitCount, row, i / Units.Inputs, unit);
            }

            destination[i] = TPacking.Number(unit, i % Units.Inputs);
        }
    }

    protected override void Compute(in MatMulInput input, in MatMulOutput output, int first, int end, byte* scratch)
    {
        if (input.Tokens == 1)
        {
            MultiplyVector(input.X, output.Y, first, end);
            return;
        }

        float* tile = (float*)scratch;
        for (int panel = first; panel < end; panel += Tile.Panels)
        {
            bool hasSecond = panel + 1 < end;
            for (int unit = 0; unit < _unitCount; unit += Tile.Depth / Units.Inputs)
            {
                int units = Math.Min(_unitCount - unit, Tile.Depth / Units.Inputs);
                Unpack(panel, unit, units, tile);
                if (hasSecond)
                {
                    Unpack(panel + 1, unit, units, tile + TLanes.Count);
                }

                TileMatMul<TLanes, TVector>.TileTarget target = new(output.Y + (panel * TLanes.Count), output.Stride, unit > 0, hasSecond);
                TileMatMul<TLanes, TVector>.Multiply(
                    tile, units * Units.Inputs, input.X + (unit * Units.Inputs), input.Stride, input.Tokens, target);
            }
        }
    }

    protected override void Dispose(bool disposing) => words.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyVector(float* x, float* y, int first, int end)
    {
        for (int panel = first; panel < end; panel++)
        {
            uint* unit = _words + ((long)panel * _unitCount * UnitWords);
            TPacking.SumGroups<TLanes, TVector>(unit, x, 1, _unitCount, y + (panel * TLanes.Count));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Unpack(int panel, int firstUnit, int units, float* tile)
    {
        uint* unit = _words + (((long)panel * _unitCount) + firstUnit) * UnitWords;
        for (int i = 0; i < units; i++)
        {
            TPacking.Unpack<TLanes, TVector>(unit, TLanes.Zero, TLanes.Zero, tile);
            unit += UnitWords;
            tile += Units.Inputs * Tile.Panels * TLanes.Count;
        }
    }
}
