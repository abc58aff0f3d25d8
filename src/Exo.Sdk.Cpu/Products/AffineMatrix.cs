using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Products;

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

    protected override void Compute(in ProductInput input, in ProductOutput output, int first, int end, byte* scratch)
    {
        if (input.Tokens == 1 && _integers)
        {
            MultiplyIntegerVector(input.Arranged, output.Y, first, end, (float*)scratch);
        }
        else if (input.Tokens == 1)
        {
            MultiplyVector((float*)input.Arranged, output.Y, first, end, (float*)scratch);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyVector(float* x, float* y, int first, int end, float* sums)
    {
        float* inputSums = x + InputCount;
        for (int panel = first; panel < end; panel++)
        {
            TVector total = TLanes.Zero;
            TVector offset = TLanes.Zero;
            for (int start = 0; start < _groupCount; start += Tile.Groups)
            {
                int count = Math.Min(Tile.Groups, _groupCount - start);
                TPacking.SumGroups<TLanes, TVector>(Words(panel, start), x + (start * groupSize), count, _unitsPerGroup, sums);
                for (int i = 0; i < count; i++)
                {
                    int group = start + i;
                    total = TLanes.MultiplyAdd(TLanes.Load(sums + (i * TLanes.Count)), scales.Load<TLanes, TVector>(panel, group), total);
                    offset = TLanes.MultiplyAdd(biases.Load<TLanes, TVector>(panel, group), TLanes.Broadcast(inputSums[group]), offset);
                }
            }

            TLanes.Store(TLanes.Add(total, offset), y + (panel * TLanes.Count));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyIntegerVector(byte* arranged, float* y, int first, int end, float* sums)
    {
        for (int panel = first; panel < end; panel++)
        {
            float* numbers = (float*)(arranged + IntegerInput.NumberOffset(InputCount));
            TVector total = TLanes.Zero;
            for (int start = 0; start < _groupCount; start += Tile.Groups)
            {
                int count = Math.Min(Tile.Groups, _groupCount - start);
                uint* quads = (uint*)(arranged + (start * groupSize));
                UnitQuads.SumGroups<TLanes, TVector, TPacking>(Words(panel, start), quads, count, _unitsPerGroup, sums);
                for (int i = 0; i < count; i++)
                {
                    TVector scale = scales.Load<TLanes, TVector>(panel, start + i);
                    TVector offset = biases.Load<TLanes, TVector>(panel, start + i);
                    total = IntegerGroup.Add<TLanes, TVector>(total, TLanes.Load(sums + (i * TLanes.Count)), scale, offset, numbers);
                    numbers += IntegerInput.NumbersPerGroup;
                }
            }

            TLanes.Store(total, y + (panel * TLanes.Count));
        }
    }

    private uint* Words(int panel, int group) => _words + ((((long)panel * _unitCount) + (group * _unitsPerGroup)) * UnitWords);

    private void MultiplyTiles(in ProductInput input, in ProductOutput output, int first, int end, float* tile)
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

                TileProduct<TLanes, TVector>.TileTarget target = new(output.Y + (panel * TLanes.Count), output.Stride, unit > 0, hasSecond);
                TileProduct<TLanes, TVector>.Multiply(
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

    private void MultiplyIntegerTiles(in ProductInput input, in ProductOutput output, int first, int end, byte* scratch)
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
                TileProduct<TLanes, TVector>.TileTarget target = new(output.Y + (panel * TLanes.Count), output.Stride, group > 0, hasSecond);
                IntegerTileProduct<TLanes, TVector>.Multiply<TPacking>(
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
