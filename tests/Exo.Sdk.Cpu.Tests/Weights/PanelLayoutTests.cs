using Exo.Sdk.Cpu.Weights;

namespace Exo.Sdk.Cpu.Tests.Weights;

public sealed unsafe class PanelLayoutTests
{
    public static TheoryData<int, int, int> Shapes()
    {
        TheoryData<int, int, int> shapes = [];
        foreach (int lanes in (int[])[4, 8, 16])
        {
            foreach (int rows in (int[])[1, 3, 4, 5, 8, 15, 16, 17, 33])
            {
                foreach (int length in (int[])[1, 2, 3, 4, 7, 8, 13, 32])
                {
                    shapes.Add(lanes, rows, length);
                }
            }
        }

        return shapes;
    }

    [Fact]
    public void Rows_of_32_bits_come_back_from_panels()
    {
        foreach (object[] shape in Shapes())
        {
            (int lanes, int rows, int length) = ((int)shape[0], (int)shape[1], (int)shape[2]);
            uint[] source = [.. Enumerable.Range(1, rows * length).Select(i => (uint)i)];
            uint[] panels = new uint[(rows + lanes - 1) / lanes * lanes * length];
            Array.Fill(panels, uint.MaxValue);
            fixed (uint* from = source, to = panels)
            {
                PanelLayout.Fill32(from, rows, length, lanes, to);
            }

            Check(Array.ConvertAll(source, v => (long)v), Array.ConvertAll(panels, v => v == uint.MaxValue ? -1L : v), lanes, rows, length);
        }
    }

    [Fact]
    public void Rows_of_16_bits_come_back_from_panels()
    {
        foreach (object[] shape in Shapes())
        {
            (int lanes, int rows, int length) = ((int)shape[0], (int)shape[1], (int)shape[2]);
            ushort[] source = [.. Enumerable.Range(1, rows * length).Select(i => (ushort)i)];
            ushort[] panels = new ushort[(rows + lanes - 1) / lanes * lanes * length];
            Array.Fill(panels, ushort.MaxValue);
            fixed (ushort* from = source, to = panels)
            {
                PanelLayout.Fill16(from, rows, length, lanes, to);
            }

            Check(Array.ConvertAll(source, v => (long)v), Array.ConvertAll(panels, v => v == ushort.MaxValue ? -1L : v), lanes, rows, length);
        }
    }

    private static void Check(long[] source, long[] panels, int lanes, int rows, int length)
    {
        for (int row = 0; row < panels.Length / length; row++)
        {
            for (int i = 0; i < length; i++)
            {
                long found = panels[(((row / lanes * length) + i) * lanes) + (row % lanes)];
                long expected = row < rows ? source[(row * length) + i] : -1;
                if (found != expected)
                {
                    found.Should().Be(expected, $"row {row} of {rows}, element {i} of {length}, {lanes} lanes; missing rows are left as they are");
                }
            }
        }
    }
}
