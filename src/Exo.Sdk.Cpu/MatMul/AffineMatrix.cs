using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>
/// A matrix in MLX's affine packing, w = s·q + β with one s and one β per group of inputs, multiplied as it is stored:
/// y = Σ over groups of s·(Σ q·x) + β·(Σ x). Nothing is rounded but the sums, unless 8-bit inputs are asked for (<see cref="IntegerInput"/>).
/// </summary>
internal sealed unsafe class AffineMatrix<TLanes, TVector, TPacking>(
    int outputCount, int inputCount, int groupSize, bool integers, NativeBlock words, GroupNumbers scales, GroupNumbers biases, float[]? bias)
    : WeightMatrix(outputCount, inputCount, bias)
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
    where TPacking : struct, IIntegerPacking
{
    private readonly uint* _words = (uint*)words.Bytes;
    private readonly int _groupCount = inputCount / groupSize;
    private readonly int _unitCount = inputCount / Units.Inputs;
    private readonly int _unitsPerGroup = groupSize / Units.Inputs;
    private readonly bool _integers = integers && TPacking.QuadsAtOnce > 0;

    internal override int PanelWidth => TLanes.Count;

    internal override long ByteCount => words.ByteCount + scales.ByteCount + biases.ByteCount;

    internal override InputForm Form => new(_integers ? InputKind.Integers : InputKind.Scaled, TPacking.Bits, groupSize);

    internal override int ArrangedBytes => _integers
        ? IntegerInput.ByteCount(InputCount, groupSize)
        : (InputCount + ((_groupCount + 15) / 16 * 16)) * sizeof(float);

    private static int UnitWords => TPacking.WordsPerUnit * TLanes.Count;

    internal override bool WantsArranged(int tokens) => _integers || tokens == 1;

    internal override void Arrange(float* x, byte* arranged)
    {
        if (_integers)
        {
            IntegerInput.Arrange<TLanes, TVector, TPacking>(x, InputCount, groupSize, arranged);
        }
        else
        {
            ScaledInput.Arrange<TLanes, TVector, TPacking>(x, InputCount, groupSize, (float*)arranged);
        }
    }

    internal override void ReadRow(int row, Span<float> destination)
    {
        uint* unit = stackalloc uint[TPacking.WordsPerUnit];
        float scale = 0;
        float offset = 0;
        for (int i = 0; i < destination.Length; i++)
        {
            if (i % Units.Inputs == 0)
            {
                RowUnit.Gather<TLanes, TVector, TPacking>(_words, _unitCount, row, i / Units.Inputs, unit);
                scale = scales.Read(row, i / groupSize, TLanes.Count);
                offset = biases.Read(row, i / groupSize, TLanes.Count);
            }

            destination[i] = (scale * TPacking.Number(unit, i % Units.Inputs)) + offset;
        }
    }

    protected override void Compute(in MatMulInput input, in MatMulOutput output, int first, int end, byte* scratch)
    {
        if (input.Tokens == 1)
        {
            MultiplyVector(input.Arranged, output.Y, first, end, (float*)scratch);
        }
        else if (_integers)
        {
            MultiplyIntegerTiles(input, output, first, end, scratch);
        }
        else
        {
            MultiplyTiles(input, output, first, end, (float*)scratch);
        }
    }

    protected override void Dispose(bool disposing)
    {
        words.Dispose();
        scales.Dispose();
        biases.Dispose();
    }

    private void MultiplyVector(byte* arranged, float* y, int first, int end, float* sums)
    {
        switch (scales.Type)
        {
            case ElementType.Float32:
                MultiplyVectorAs<Float32Format>(arranged, y, first, end, sums);
                break;
            case ElementType.BFloat16:
                MultiplyVectorAs<BFloat16Format>(arranged, y, first, end, sums);
                break;
            default:
                MultiplyVectorAs<Float16Format>(arranged, y, first, end, sums);
                break;
        }
    }

    private void MultiplyVectorAs<TFormat>(byte* arranged, float* y, int first, int end, float* sums)
        where TFormat : struct, INumberFormat
    {
        if (_integers)
        {
            MultiplyIntegerVector<TFormat>(arranged, y, first, end, sums);
        }
        else
        {
            MultiplyFloatVector<TFormat>((float*)arranged, y, first, end, sums);
        }
    }

    private void MultiplyFloatVector<TFormat>(float* x, float* y, int first, int end, float* sums)
        where TFormat : struct, INumberFormat
    {
        for (int panel = first; panel < end; panel++)
        {
            for (int group = 0; group < _groupCount; group += Tile.Groups)
            {
                int count = Math.Min(Tile.Groups, _groupCount - group);
                TPacking.SumGroups<TLanes, TVector>(Words(panel, group), x + (group * groupSize), count, _unitsPerGroup, sums);
                byte* panelScales = scales.At(panel, group, TLanes.Count);
                byte* panelBiases = biases.At(panel, group, TLanes.Count);
                GroupScaling<TLanes, TVector>.Apply<TFormat>(
                    panelScales, panelBiases, sums, x + InputCount + group, count, group > 0, y + (panel * TLanes.Count));
            }
        }
    }

    private void MultiplyIntegerVector<TFormat>(byte* arranged, float* y, int first, int end, float* sums)
        where TFormat : struct, INumberFormat
    {
        float* numbers = (float*)(arranged + IntegerInput.NumberOffset(InputCount));
        for (int panel = first; panel < end; panel++)
        {
            for (int group = 0; group < _groupCount; group += Tile.Groups)
            {
                int count = Math.Min(Tile.Groups, _groupCount - group);
                uint* quads = (uint*)(arranged + (group * groupSize));
                UnitQuads.SumGroups<TLanes, TVector, TPacking>(Words(panel, group), quads, count, _unitsPerGroup, sums);
                byte* panelScales = scales.At(panel, group, TLanes.Count);
                byte* panelBiases = biases.At(panel, group, TLanes.Count);
                float* groupNumbers = numbers + (group * IntegerInput.NumbersPerGroup);
                GroupScaling<TLanes, TVector>.ApplyIntegers<TFormat>(
                    panelScales, panelBiases, sums, groupNumbers, count, group > 0, y + (panel * TLanes.Count));
            }
        }
    }

    private uint* Words(int panel, int group) => _words + ((((long)panel * _unitCount) + (group * _unitsPerGroup)) * UnitWords);

    private void MultiplyTiles(in MatMulInput input, in MatMulOutput output, int first, int end, float* tile)
    {
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Unpack(int panel, int firstUnit, int units, float* tile)
    {
        uint* unit = _words + ((((long)panel * _unitCount) + firstUnit) * UnitWords);
        for (int i = 0; i < units; i++)
        {
            int group = (firstUnit + i) / _unitsPerGroup;
            TPacking.Unpack<TLanes, TVector>(unit, scales.Load<TLanes, TVector>(panel, group), biases.Load<TLanes, TVector>(panel, group), tile);
            unit += UnitWords;
            tile += Units.Inputs * Tile.Panels * TLanes.Count;
        }
    }

    private void MultiplyIntegerTiles(in MatMulInput input, in MatMulOutput output, int first, int end, byte* scratch)
    {
        float* groups = (float*)(scratch + Tile.GroupOffset);
        int groupsPerTile = Tile.IntegerDepth / groupSize;
        for (int panel = first; panel < end; panel += Tile.Panels)
        {
            bool hasSecond = panel + 1 < end;
            for (int group = 0; group < _groupCount; group += groupsPerTile)
            {
                int count = Math.Min(_groupCount - group, groupsPerTile);
                UnpackQuads(panel, group, count, (float*)scratch, groups);
                if (hasSecond)
                {
                    UnpackQuads(panel + 1, group, count, (float*)scratch + TLanes.Count, groups + TLanes.Count);
                }

                byte* numbers = input.Arranged + IntegerInput.NumberOffset(InputCount);
                TileMatMul<TLanes, TVector>.TileTarget target = new(output.Y + (panel * TLanes.Count), output.Stride, group > 0, hasSecond);
                IntegerTileMatMul<TLanes, TVector>.Multiply<TPacking>(
                    scratch,
                    groups,
                    count,
                    _unitsPerGroup,
                    input.Arranged + (group * groupSize),
                    (float*)numbers + (group * IntegerInput.NumbersPerGroup),
                    input.ArrangedStride,
                    input.Tokens,
                    target);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void UnpackQuads(int panel, int firstGroup, int groupCount, float* tile, float* groups)
    {
        uint* unit = Words(panel, firstGroup);
        for (int group = firstGroup; group < firstGroup + groupCount; group++)
        {
            for (int i = 0; i < _unitsPerGroup; i++)
            {
                UnitQuads.Unpack<TLanes, TVector, TPacking>(unit, tile);
                unit += UnitWords;
                tile += Units.Quads * Tile.Panels * TLanes.Count;
            }

            TLanes.Store(scales.Load<TLanes, TVector>(panel, group), groups);
            TLanes.Store(biases.Load<TLanes, TVector>(panel, group), groups + (2 * TLanes.Count));
            groups += 4 * TLanes.Count;
        }
    }
}
