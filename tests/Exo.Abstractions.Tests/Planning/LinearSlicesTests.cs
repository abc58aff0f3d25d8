using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Tests.Planning;

public sealed class LinearSlicesTests
{
    private static readonly LinearSpec Up = new()
    {
        Path = "up",
        InputSize = 128,
        OutputSize = 256,
        Split = SplitRule.Column(SplitUnit.Channel),
        HasBias = true,
        StoredType = ElementType.BFloat16,
    };

    private static readonly LinearSpec Down = new()
    {
        Path = "down",
        InputSize = 256,
        OutputSize = 128,
        Split = SplitRule.Row(SplitUnit.Channel),
        HasBias = true,
        StoredType = ElementType.BFloat16,
    };

    [Fact]
    public void Column_parallel_takes_rows_and_their_bias()
    {
        LinearSlices slices = LinearSlices.Of(Up, Assign(64, 96));

        slices.Weight.Rows.Should().Equal(new IndexRange(64, 96));
        slices.Weight.Columns.Should().Be(IndexRange.All(128));
        slices.Groups.Should().BeNull();
        slices.Bias!.Value.Rows.Should().Equal(new IndexRange(64, 96));
        slices.ByteCount.Should().Be((96 * 128 * 2) + (96 * 2));
    }

    [Fact]
    public void Row_parallel_takes_columns_and_the_whole_bias()
    {
        LinearSlices slices = LinearSlices.Of(Down, Assign(10, 20));

        slices.Weight.Rows.Should().Equal(IndexRange.All(128));
        slices.Weight.Columns.Should().Be(new IndexRange(10, 20));
        slices.Bias!.Value.Rows.Should().Equal(IndexRange.All(128));
        slices.ByteCount.Should().Be((128 * 20 * 2) + (128 * 2));
    }

    [Theory]
    [InlineData(4, 32, 8, 16, 2, 4)]
    [InlineData(4, 64, 8, 16, 1, 2)]
    [InlineData(8, 64, 16, 32, 1, 2)]
    [InlineData(8, 32, 16, 32, 2, 4)]
    [InlineData(3, 64, 6, 12, 1, 2)]
    [InlineData(6, 32, 12, 24, 2, 4)]
    public void Inputs_become_packed_words_and_groups(int bits, int group, int wordStart, int wordCount, int groupStart, int groupCount)
    {
        LinearSpec linear = Down with { Quantization = new QuantizationSpec(bits, group) };

        LinearSlices slices = LinearSlices.Of(linear, Assign(64, 128));

        slices.Weight.Columns.Should().Be(new IndexRange(wordStart, wordCount));
        slices.Groups!.Value.Columns.Should().Be(new IndexRange(groupStart, groupCount));
        slices.ByteCount.Should().Be((128 * wordCount * 4) + (2 * 128 * groupCount * 2) + (128 * 2));
    }

    [Theory]
    [InlineData(4, 32, "mxfp4", 8, 16, 2, 4)]
    [InlineData(4, 16, "nvfp4", 8, 16, 4, 8)]
    [InlineData(8, 32, "mxfp8", 16, 32, 2, 4)]
    public void Floating_point_modes_have_one_scale_byte_a_group_and_no_group_bias(
        int bits, int group, string name, int wordStart, int wordCount, int groupStart, int groupCount)
    {
        LinearSpec linear = Down with { Quantization = new QuantizationSpec(bits, group, QuantizationFormat.Known.Single(format => format.Name == name)) };

        LinearSlices slices = LinearSlices.Of(linear, Assign(64, 128));

        slices.Weight.Columns.Should().Be(new IndexRange(wordStart, wordCount));
        slices.Groups!.Value.Columns.Should().Be(new IndexRange(groupStart, groupCount));
        slices.ByteCount.Should().Be((128 * wordCount * 4) + (128 * groupCount) + (128 * 2));
    }

    [Theory]
    [InlineData(32, 64)]
    [InlineData(64, 32)]
    public void A_cut_inside_a_group_is_refused(int start, int count)
    {
        LinearSpec linear = Down with { Quantization = new QuantizationSpec(4, 64) };

        Action act = () => LinearSlices.Of(linear, Assign(start, count));

        act.Should().Throw<PlanRefusedException>().WithMessage($"*rank 1*inputs {start}..{start + count} of down*groups of 64*");
    }

    [Theory]
    [InlineData(200, 57)]
    [InlineData(-1, 2)]
    [InlineData(5, -1)]
    [InlineData(int.MaxValue, int.MaxValue)]
    public void An_assignment_outside_the_matrix_is_refused(int start, int count)
    {
        Action act = () => LinearSlices.Of(Up, Assign(start, count));

        act.Should().Throw<PlanRefusedException>().WithMessage("*of up*it has 256*");
    }

    [Fact]
    public void The_ranks_bytes_sum_to_the_whole()
    {
        foreach (LinearSpec linear in new[] { Up, Down with { HasBias = false, Quantization = new QuantizationSpec(4, 64) } })
        {
            long parts = LinearSlices.Of(linear, Assign(0, 192)).ByteCount + LinearSlices.Of(linear, Assign(192, 64)).ByteCount;

            parts.Should().Be(LinearSlices.Whole(linear).ByteCount);
        }
    }

    [Fact]
    public void Bytes_are_counted_in_64_bits()
    {
        LinearSpec linear = Up with { InputSize = 1 << 20, OutputSize = 1 << 20, HasBias = false };

        LinearSlices.Whole(linear).ByteCount.Should().Be(1L << 41);
        LinearSlices.Whole(linear with { InputSize = 1 << 30, Quantization = new QuantizationSpec(8, 32) })
            .Weight.Columns.Should().Be(new IndexRange(0, 1 << 28));
    }

    private static ShardAssignment Assign(int start, int count) => new()
    {
        Rank = 1,
        WorldSize = 2,
        QueryHeads = new IndexRange(0, 1),
        KeyValueHeads = new IndexRange(0, 1),
        Channels = new IndexRange(start, count),
        Tokens = new IndexRange(0, 1),
    };
}
