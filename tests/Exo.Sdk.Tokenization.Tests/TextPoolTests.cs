using Exo.Sdk.Tokenization.Pipeline;

namespace Exo.Sdk.Tokenization.Tests;

public sealed class TextPoolTests
{
    [Fact]
    public void The_same_piece_is_made_once()
    {
        TextPool pool = new(100);
        string first = pool.Get(" hello");

        pool.Get(" hello").Should().BeSameAs(first);
        first.Should().Be(" hello");
    }

    [Fact]
    public void Every_piece_is_what_was_asked_for_however_many_share_a_place()
    {
        TextPool pool = new(1);
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < 5000; i++)
            {
                string piece = $"piece {i}";
                pool.Get(piece).Should().Be(piece);
            }
        }
    }

    [Fact]
    public void A_stream_that_repeats_its_pieces_allocates_nothing()
    {
        TextPool pool = new(100);
        string[] pieces = ["a", " dog", " ran", "."];
        Array.ForEach(pieces, piece => pool.Get(piece));

        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (string piece in pieces)
        {
            pool.Get(piece.AsSpan());
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);
    }

    [Fact]
    public void Long_pieces_are_not_kept()
    {
        TextPool pool = new(100);
        string piece = new('x', TextPool.LongestPiece + 1);

        pool.Get(piece).Should().Be(piece).And.NotBeSameAs(piece);
    }
}
