using CsCheck;
using Exo.Sdk.Generation;

namespace Exo.Sdk.Tests.Generation;

public sealed class StopStringFilterTests
{
    [Fact]
    public void Without_stop_strings_text_passes_through()
    {
        StopStringFilter filter = new([]);
        filter.Append("abc", out bool stopped).Should().Be("abc");
        stopped.Should().BeFalse();
        filter.Flush().Should().BeEmpty();
    }

    [Fact]
    public void A_possible_start_is_held_back_and_released_when_it_turns_out_otherwise()
    {
        StopStringFilter filter = new(["<end>"]);
        filter.Append("one <e", out _).Should().Be("one ");
        filter.Append("lse", out bool stopped).Should().Be("<else");
        stopped.Should().BeFalse();
    }

    [Fact]
    public void The_earliest_stop_string_cuts_and_is_not_emitted()
    {
        StopStringFilter filter = new(["zz", "b"]);
        filter.Append("aab zz", out bool stopped).Should().Be("aa");
        stopped.Should().BeTrue();
    }

    [Fact]
    public void Any_chunking_gives_the_text_up_to_the_first_stop_string() =>
        Gen.Select(Gen.String[Gen.Char["ab<>"], 0, 40], Gen.String[Gen.Char["ab<>"], 1, 4].List[1, 3], Gen.Int[1, 5])
            .Sample((text, stops, chunk) =>
            {
                int cut = stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
                StopStringFilter filter = new(stops);
                string got = "";
                bool stopped = false;
                for (int at = 0; at < text.Length && !stopped; at += chunk)
                {
                    got += filter.Append(text.Substring(at, Math.Min(chunk, text.Length - at)), out stopped);
                }

                if (!stopped)
                {
                    got += filter.Flush();
                }

                // With several stop strings, one that ends earlier may win over one that begins earlier but ends later.
                stopped.Should().Be(cut >= 0);
                text.Should().StartWith(got);
                if (cut < 0)
                {
                    got.Should().Be(text);
                }
                else
                {
                    stops.Any(stop => text[got.Length..].StartsWith(stop, StringComparison.Ordinal)).Should().BeTrue();
                }
            });
}
