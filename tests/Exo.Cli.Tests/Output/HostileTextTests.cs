using Exo.Sdk.Input;

namespace Exo.Cli.Tests.Output;

/// <summary>What the command prints steers no terminal.</summary>
public sealed class HostileTextTests
{
    [Theory]
    [InlineData("plain\n\tlines", "plain\n\tlines")]
    [InlineData("a\u001b[2Jb", "a\\u001b[2Jb")]
    [InlineData("\u009b31m", "\\u009b31m")]
    [InlineData("\a\b\0\u007f", "\\u0007\\u0008\\u0000\\u007f")]
    [InlineData("one\rtwo", "one\\u000dtwo")]
    [InlineData("a\u202eb", "a\\u202eb")]
    public void Reports_keep_lines_and_nothing_that_is_invisible(string text, string shown) => HostileText.KeepLines(text).Should().Be(shown);

    [Theory]
    [InlineData("plain\r\n\tlines", "plain\n\tlines")]
    [InlineData("a\u001b]0;title\ab", "a\\u001b]0;title\\u0007b")]
    [InlineData("\u009b31m", "\\u009b31m")]
    [InlineData("👩‍🚀 שלום\u200f", "👩‍🚀 שלום\u200f")]
    public void Generated_text_keeps_every_script(string text, string shown) => HostileText.KeepReadable(text).Should().Be(shown);

    [Fact]
    public void All_control_characters_are_escaped()
    {
        for (char c = '\0'; c < 0xa0; c++)
        {
            HostileText.KeepReadable($"{c}").Where(s => char.IsControl(s) && s is not ('\n' or '\t')).Should().BeEmpty();
            HostileText.KeepLines($"{c}").Where(s => char.IsControl(s) && s is not ('\n' or '\t')).Should().BeEmpty();
        }
    }
}
