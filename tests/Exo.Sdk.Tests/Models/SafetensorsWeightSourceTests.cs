using System.Runtime.InteropServices;
using CsCheck;
using Exo.Sdk.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.Tests.Models;

public sealed class SafetensorsWeightSourceTests(ITestOutputHelper output)
{
    private static TemporaryFolder Matrix(int rows, int columns) => new TemporaryFolder().With(
        "model.safetensors", Safetensors.Of(("a", "U8", [4], [1, 2, 3, 4]), ("m", "I32", [rows, columns], Safetensors.Bytes(Enumerable.Range(0, rows * columns)))));

    [Fact]
    public void Describes_what_is_stored()
    {
        using TemporaryFolder folder = Matrix(4, 5);
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        source.Names.Should().BeEquivalentTo("a", "m");
        source.Contains("m").Should().BeTrue();
        source.Contains("M").Should().BeFalse();
        TensorInfo info = source.Describe("m");
        info.Type.Should().Be(ElementType.Int32);
        info.Shape.Should().Equal(4, 5);
        source.BytesRead.Should().Be(0);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 5)]
    [InlineData(300, 33)]
    [InlineData(40, 1500)]
    [InlineData(6, 9001)]
    public void Slices_equal_the_parts_of_the_whole(int rows, int columns)
    {
        using TemporaryFolder folder = Matrix(rows, columns);
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);
        int[] whole = new int[rows * columns];
        source.Read("m", TensorSlice.OfRows(IndexRange.All(rows)), MemoryMarshal.AsBytes(whole.AsSpan()));
        whole.Should().Equal(Enumerable.Range(0, rows * columns));

        Gen<IndexRange> rowRange = RangeWithin(rows);
        Gen.Select(rowRange.Array[0, 3], RangeWithin(columns), Gen.Bool).Sample(
            (ranges, columnRange, isWhole) =>
            {
                TensorSlice slice = new([.. ranges], isWhole ? null : columnRange);
                IndexRange used = slice.Columns ?? IndexRange.All(columns);
                int[] expected = [.. ranges.SelectMany(r => Enumerable.Range(r.Start, r.Count))
                    .SelectMany(row => Enumerable.Range((row * columns) + used.Start, used.Count))];
                long before = source.BytesRead;
                int[] part = new int[expected.Length];
                source.Read("m", slice, MemoryMarshal.AsBytes(part.AsSpan()));
                return part.SequenceEqual(expected)
                    && source.BytesRead - before == expected.Length * 4L
                    && MapsEqually(source, slice, expected);
            },
            iter: 200,
            threads: 1);
    }

    [Fact]
    public void Maps_what_is_contiguous_and_nothing_else()
    {
        using TemporaryFolder folder = new TemporaryFolder().With(
            "model.safetensors", Safetensors.Of(("m", "I32", [4, 5], Safetensors.Bytes(Enumerable.Range(0, 20))), ("v", "F16", [3], new byte[6])));
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        source.TryMap("m", TensorSlice.OfRows(new IndexRange(1, 2)), out MappedBytes rows).Should().BeTrue();
        rows.ByteCount.Should().Be(40);
        source.BytesRead.Should().Be(40);
        source.TryMap("m", TensorSlice.Of(new IndexRange(2, 1), new IndexRange(1, 2)), out _).Should().BeTrue("a part of one row is contiguous");
        source.TryMap("m", new TensorSlice([new IndexRange(0, 2), new IndexRange(2, 1)]), out _).Should().BeTrue("the ranges adjoin");
        source.TryMap("m", new TensorSlice([new IndexRange(2, 1), new IndexRange(0, 2)]), out _).Should().BeFalse();
        source.TryMap("m", TensorSlice.Of(new IndexRange(0, 2), new IndexRange(1, 2)), out _).Should().BeFalse();
        source.TryMap("v", TensorSlice.OfRows(IndexRange.All(3)), out MappedBytes vector).Should().BeTrue();
        vector.ByteCount.Should().Be(6);
    }

    [Fact]
    public void Does_not_map_what_is_misaligned()
    {
        using TemporaryFolder folder = new TemporaryFolder().With(
            "model.safetensors", Safetensors.Of(("three", "U8", [3], [1, 2, 3]), ("m", "I32", [1], [4, 0, 0, 0])));
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        source.TryMap("m", TensorSlice.OfRows(IndexRange.All(1)), out _).Should().BeFalse("three bytes lie before it");
        ReadBytes(source, "m", TensorSlice.OfRows(IndexRange.All(1)), 4).Should().Equal(4, 0, 0, 0);
    }

    [Fact]
    public void Scalars_vectors_and_higher_dimensions_have_rows_too()
    {
        using TemporaryFolder folder = new TemporaryFolder().With(
            "model.safetensors",
            Safetensors.Of(("scalar", "U8", [], [9]), ("vector", "U8", [3], [1, 2, 3]), ("cube", "U8", [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), ("none", "U8", [0, 4], [])));
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        ReadBytes(source, "scalar", TensorSlice.OfRows(IndexRange.All(1)), 1).Should().Equal(9);
        ReadBytes(source, "vector", TensorSlice.OfRows(new IndexRange(1, 2)), 2).Should().Equal(2, 3);
        ReadBytes(source, "cube", TensorSlice.Of(IndexRange.All(2), new IndexRange(1, 2)), 4).Should().Equal(2, 3, 6, 7);
        ReadBytes(source, "none", TensorSlice.OfRows(IndexRange.All(0)), 0).Should().BeEmpty();
    }

    [Fact]
    public void Refuses_slices_outside_the_tensor()
    {
        using TemporaryFolder folder = Matrix(4, 5);
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);
        TensorSlice[] outside =
        [
            TensorSlice.OfRows(new IndexRange(3, 2)),
            TensorSlice.OfRows(new IndexRange(-1, 2)),
            TensorSlice.OfRows(new IndexRange(2, -1)),
            TensorSlice.OfRows(new IndexRange(int.MaxValue, int.MaxValue)),
            TensorSlice.Of(IndexRange.All(4), new IndexRange(0, 6)),
            TensorSlice.Of(IndexRange.All(4), new IndexRange(-1, 1)),
        ];

        foreach (TensorSlice slice in outside)
        {
            Action read = () => source.Read("m", slice, []);
            Action map = () => source.TryMap("m", slice, out _);
            read.Should().Throw<ModelFormatException>().WithMessage("*model.safetensors*(m)*slice lies outside*expected*0..*found*");
            map.Should().Throw<ModelFormatException>();
        }

        Action missing = () => source.Describe("x");
        missing.Should().Throw<ModelFormatException>().WithMessage("*model.safetensors*no such tensor*expected x*");
        Action tooShort = () => source.Read("m", TensorSlice.OfRows(IndexRange.All(4)), new byte[79]);
        tooShort.Should().Throw<ArgumentException>().WithMessage("*80 bytes*79*");
        Action noRows = () => source.Read("m", default, []);
        noRows.Should().Throw<ArgumentException>();
        Action integers = () => source.ReadFloat32("m", TensorSlice.OfRows(IndexRange.All(4)), new float[20]);
        integers.Should().Throw<ModelFormatException>().WithMessage("*not floating point*F16*Int32*");
    }

    [Theory]
    [InlineData("F16")]
    [InlineData("BF16")]
    public void Widens_every_16_bit_number_exactly(string type)
    {
        ushort[] all = [.. Enumerable.Range(0, 65536).Select(bits => (ushort)bits)];
        using TemporaryFolder folder = new TemporaryFolder().With("model.safetensors", Safetensors.Of(("w", type, [65536], Safetensors.Bytes(all))));
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);
        Func<ushort, float> reference = type == "F16"
            ? bits => (float)BitConverter.UInt16BitsToHalf(bits)
            : bits => BitConverter.Int32BitsToSingle(bits << 16);

        // Lengths around the vector width put each number through the vector loop and through the rest.
        foreach (int length in new[] { 65536, 65535, 65521, 1, 2, 3, 7, 15, 16, 17, 31, 33 })
        {
            float[] widened = new float[length];
            source.ReadFloat32("w", TensorSlice.OfRows(new IndexRange(65536 - length, length)), widened);
            AssertSame(widened, all.AsSpan(65536 - length), reference);
        }

        float[] one = new float[1];
        for (int bits = 0; bits < 65536; bits += 97)
        {
            source.ReadFloat32("w", TensorSlice.OfRows(new IndexRange(bits, 1)), one);
            AssertSame(one, all.AsSpan(bits, 1), reference);
        }
    }

    [Fact]
    public void Single_precision_is_read_as_it_is()
    {
        float[] values = [1.5f, -0f, float.Epsilon, float.NegativeInfinity];
        using TemporaryFolder folder = new TemporaryFolder().With("model.safetensors", Safetensors.Of(("w", "F32", [2, 2], Safetensors.Bytes(values))));
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);
        float[] read = new float[2];

        source.ReadFloat32("w", TensorSlice.Of(IndexRange.All(2), new IndexRange(1, 1)), read);

        read.Select(BitConverter.SingleToInt32Bits).Should().Equal(new[] { -0f, float.NegativeInfinity }.Select(BitConverter.SingleToInt32Bits));
    }

    [Fact]
    public unsafe void Offsets_beyond_4_GB_work()
    {
        using TemporaryFolder folder = new();
        const long Before = 5L << 30;
        string header = $$$"""{"big":{"dtype":"U8","shape":[5,1073741824],"data_offsets":[0,{{{Before}}}]},"end":{"dtype":"I32","shape":[2,2],"data_offsets":[{{{Before}}},{{{Before + 16}}}]}}""";
        header = header.PadRight((header.Length + 7) & ~7);
        using (FileStream file = File.Create(folder["model.safetensors"]))
        {
            file.Write(Safetensors.Raw(header));
            file.Seek(Before, SeekOrigin.Current); // Leaves a hole that takes no disk.
            file.Write(Safetensors.Bytes([1, 2, 3, 4]));
        }

        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        byte[] last = new byte[2];
        source.Read("big", TensorSlice.Of(new IndexRange(4, 1), new IndexRange(1073741822, 2)), last);
        last.Should().Equal(0, 0);
        int[] column = new int[2];
        source.Read("end", TensorSlice.Of(IndexRange.All(2), new IndexRange(1, 1)), MemoryMarshal.AsBytes(column.AsSpan()));
        column.Should().Equal(2, 4);
        source.TryMap("end", TensorSlice.OfRows(new IndexRange(1, 1)), out MappedBytes bytes).Should().BeTrue();
        new ReadOnlySpan<int>((void*)bytes.Address, 2).ToArray().Should().Equal(3, 4);
    }

    [Fact]
    public unsafe void Copying_columns_does_not_make_the_file_resident()
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // Resident file pages are read from /proc.
        }

        using TemporaryFolder folder = new();
        const int Rows = 1 << 16;
        const int RowBytes = 2048;
        using (FileStream file = File.Create(folder["model.safetensors"]))
        {
            file.Write(Safetensors.Raw($$$"""{"w":{"dtype":"U8","shape":[{{{Rows}}},{{{RowBytes}}}],"data_offsets":[0,{{{(long)Rows * RowBytes}}}]}}"""));
            file.SetLength(file.Length + ((long)Rows * RowBytes));
        }

        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);
        byte[] half = new byte[Rows / 8 * (RowBytes / 2)];
        source.Read("w", TensorSlice.Of(new IndexRange(0, 8), new IndexRange(0, 4)), half.AsSpan(0, 32));
        long before = ResidentFileBytes();
        for (int part = 0; part < 8; part++)
        {
            source.Read("w", TensorSlice.Of(new IndexRange(part * (Rows / 8), Rows / 8), new IndexRange(RowBytes / 2, RowBytes / 2)), half);
        }

        long growth = ResidentFileBytes() - before;
        output.WriteLine($"{Rows * (long)RowBytes >> 20} MB file, half of its columns copied: resident file pages grew by {growth >> 10} KB");
        growth.Should().BeLessThan(32 << 20);

        // The control: reading the same through the mapping is seen by this measure.
        source.TryMap("w", TensorSlice.OfRows(IndexRange.All(Rows)), out MappedBytes bytes).Should().BeTrue();
        for (long row = 0; row < Rows; row++)
        {
            new ReadOnlySpan<byte>((byte*)bytes.Address + (row * RowBytes) + (RowBytes / 2), RowBytes / 2).CopyTo(half);
        }

        long mapped = ResidentFileBytes() - before;
        output.WriteLine($"the same through the mapping: {mapped >> 20} MB");
        mapped.Should().BeGreaterThan(100 << 20);
    }

    [Fact]
    public void A_file_cut_short_under_way_is_a_typed_error()
    {
        using TemporaryFolder folder = Matrix(64, 64);
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);
        if (OperatingSystem.IsWindows())
        {
            return; // The open file cannot be changed there.
        }

        string path = folder["model.safetensors"];
        using (FileStream unguarded = new(path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite }))
        {
            unguarded.SetLength(unguarded.Length - 100);
        }

        Action act = () => source.Read("m", TensorSlice.OfRows(IndexRange.All(64)), new byte[64 * 64 * 4]);

        act.Should().Throw<ModelFormatException>().WithMessage("*model.safetensors at offset*ends too early*expected 100 more bytes*");
    }

    [Fact]
    public void Threads_may_read_at_the_same_time()
    {
        using TemporaryFolder folder = Matrix(256, 256);
        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        Parallel.For(0, 256, new ParallelOptions { MaxDegreeOfParallelism = 4 }, column =>
        {
            int[] values = new int[256];
            source.Read("m", TensorSlice.Of(IndexRange.All(256), new IndexRange(column, 1)), MemoryMarshal.AsBytes(values.AsSpan()));
            values.SequenceEqual(Enumerable.Range(0, 256).Select(row => (row * 256) + column)).Should().BeTrue();
        });

        source.BytesRead.Should().Be(256 * 256 * 4);
    }

    [Fact]
    public void A_closed_source_refuses()
    {
        using TemporaryFolder folder = Matrix(2, 2);
        WeightSource source = SafetensorsWeightSource.Open(folder.Path);
        source.Dispose();
        source.Dispose();

        Action read = () => source.Read("a", TensorSlice.OfRows(IndexRange.All(4)), new byte[4]);
        Action map = () => source.TryMap("a", TensorSlice.OfRows(IndexRange.All(4)), out _);

        read.Should().Throw<ObjectDisposedException>();
        map.Should().Throw<ObjectDisposedException>();
    }

    private static Gen<IndexRange> RangeWithin(int count) =>
        Gen.Select(Gen.Int[0, count], Gen.Int[0, count], (a, b) => new IndexRange(Math.Min(a, b), Math.Abs(a - b)));

    private static byte[] ReadBytes(WeightSource source, string name, TensorSlice slice, int count)
    {
        byte[] bytes = new byte[count];
        source.Read(name, slice, bytes);
        return bytes;
    }

    private static unsafe bool MapsEqually(WeightSource source, TensorSlice slice, int[] expected)
    {
        return !source.TryMap("m", slice, out MappedBytes bytes)
            || (bytes.ByteCount == expected.Length * 4L && new ReadOnlySpan<int>((void*)bytes.Address, expected.Length).SequenceEqual(expected));
    }

    private static void AssertSame(float[] widened, ReadOnlySpan<ushort> narrow, Func<ushort, float> reference)
    {
        for (int i = 0; i < widened.Length; i++)
        {
            float expected = reference(narrow[i]);
            bool isSame = float.IsNaN(expected)
                ? float.IsNaN(widened[i])
                : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(widened[i]);
            if (!isSame)
            {
                Assert.Fail($"0x{narrow[i]:x4} is {expected:r}, not {widened[i]:r}");
            }
        }
    }

    // Of files on disk and of files in memory, where the temporary folder may be.
    private static long ResidentFileBytes() => File.ReadLines("/proc/self/status")
        .Where(line => line.StartsWith("RssFile", StringComparison.Ordinal) || line.StartsWith("RssShmem", StringComparison.Ordinal))
        .Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) << 10);
}
