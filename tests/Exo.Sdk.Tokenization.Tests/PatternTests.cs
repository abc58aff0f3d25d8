using Exo.Sdk.Tokenization.Patterns;

namespace Exo.Sdk.Tokenization.Tests;

public class PatternTests
{
    [Theory]
    [InlineData(@"\p{L}+", "ab1𝒜𝓑é", "ab|𝒜𝓑é")]
    [InlineData(@"\p{Lu}", "aBÇ𐐀𐐨", "B|Ç|𐐀")]
    [InlineData(@"[^a]", "a😀𠀀", "😀|𠀀")]
    [InlineData(@".", "😀\nb", "😀|b")]
    [InlineData(@"(?m:.)", "a\nb", "a|\n|b")]
    [InlineData(@"\p{Han}+", "漢字かな𠮷〇々", "漢字|𠮷〇々")]
    [InlineData(@"[\p{L}&&[^\p{Han}]]+", "ab漢c", "ab|c")]
    [InlineData(@"\p{N}{1,3}", "12345", "123|45")]
    [InlineData(@"\p{N}{2}", "12345", "12|34")]
    [InlineData(@"\s+(?!\S)|\s+", "a   b  ", "  | |  ")]
    [InlineData(@"(?<=a)b|(?<!a)c", "abcbac", "b|c")]
    [InlineData(@"(?<=ab|x)c", "abcxcc", "c|c")]
    [InlineData(@"a++b|a", "aaab", "aaab")]
    [InlineData(@"a++ab", "aaab", "")]
    [InlineData(@"(?>a|ab)c", "abc", "")]
    [InlineData(@"(?:a|ab)c", "abc", "abc")]
    [InlineData(@"(?i:'s|'ll)", "'S 'LL 'ſ 'x", "'S|'LL|'ſ")]
    [InlineData(@"(?i)k", "kK\u212A", "k|K|\u212A")]
    [InlineData(@"(?i:[^k])", "kK\u212Ax", "x")]
    [InlineData(@"^a|b$", "a\nab\nb", "a|a|b|b")]
    [InlineData(@"\Aa|b\z", "aab\nb", "a|b")]
    [InlineData(@"\bfox\b", "fox foxy fox", "fox|fox")]
    [InlineData(@"a+?b??", "aab", "a|a")]
    [InlineData(@"(?:a*)*b", "aaab", "aaab")]
    [InlineData(@"\x{1F600}|\u4f60|\x41", "😀你A", "😀|你|A")]
    [InlineData(@"[[:space:]\-x]", "a -x", " |-|x")]
    [InlineData(@"[\]a-c]", "]b-", "]|b")]
    [InlineData(@"\R", "a\r\nb\n\u2028", "\r\n|\n|\u2028")]
    [InlineData(@"(?x: a b # two letters
        )", "ab a b", "ab")]
    [InlineData(@"a{,2}b", "aaab", "aab")]
    [InlineData(@"a{x}", "aa{x}", "a{x}")]
    [InlineData(@"(?=(\d{3})+(?!\d))\d", "1234567", "2|5")]
    public void Finds_what_the_dialect_says(string source, string text, string expected)
    {
        Pattern pattern = Pattern.Compile(source);
        List<TextSpan> matches = [];
        pattern.FindAll(text, new TextSpan(0, text.Length), matches);
        string.Join("|", matches.Where(static m => m.Length > 0).Select(m => text[m.Start..m.End])).Should().Be(expected);
    }

    [Fact]
    public void Sees_only_the_span_it_is_given()
    {
        List<TextSpan> matches = [];
        Pattern.Compile(@"\Ab+\z").FindAll("abbbc", new TextSpan(1, 4), matches);
        matches.Should().Equal(new TextSpan(1, 4));
    }

    [Fact]
    public void Empty_matches_count_except_right_behind_a_match()
    {
        List<TextSpan> matches = [];
        Pattern.Compile("a*").FindAll("baa", new TextSpan(0, 3), matches);
        matches.Should().Equal(new TextSpan(0, 0), new TextSpan(1, 3));
    }

    [Theory]
    [InlineData("(a", "group without ')'")]
    [InlineData("a)", "unmatched ')'")]
    [InlineData("[a", "class without ']'")]
    [InlineData("*a", "nothing to repeat")]
    [InlineData(@"(a)\1", @"escape '\1'")]
    [InlineData(@"\p{Foo}", "property 'Foo'")]
    [InlineData(@"(?<=a*)b", "look-behind")]
    [InlineData(@"a{2000}", "count above")]
    [InlineData(@"a{3,2}", "end is below its start")]
    [InlineData(@"[b-a]", "end is below its start")]
    [InlineData(@"(?:(?:(?:a|b){1000}){1000}){1000}", "instructions")]
    [InlineData(@"\", @"'\' at the end")]
    [InlineData(@"\x{110000}", "not the number of a character")]
    [InlineData(@"(?=a)*", "repeated condition")]
    public void Refuses_what_it_does_not_know(string source, string reason)
    {
        Action compile = () => Pattern.Compile(source);
        compile.Should().Throw<FormatException>().WithMessage($"*{reason}*");
    }

    [Fact]
    public void Refuses_deep_nesting()
    {
        Action compile = () => Pattern.Compile(new string('(', 1000) + new string(')', 1000));
        compile.Should().Throw<FormatException>().WithMessage("*nested deeper*");
    }

    [Fact]
    public void A_pattern_that_explodes_is_stopped()
    {
        Pattern pattern = Pattern.Compile("(?:a|a)*(?:a|a)*b");
        string text = new('a', 500);
        Action find = () => pattern.FindAll(text, new TextSpan(0, text.Length), []);
        find.Should().Throw<TokenizationException>().WithMessage("*steps*");
    }

    [Theory]
    [InlineData(' ')]
    [InlineData('a')]
    [InlineData('1')]
    [InlineData('!')]
    [InlineData('\n')]
    public void The_usual_pattern_is_linear_on_long_runs(char c)
    {
        Pattern pattern = Pattern.Compile(
            @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+");
        string text = new string(c, 1_000_000) + "x";
        List<TextSpan> matches = [];
        pattern.FindAll(text, new TextSpan(0, text.Length), matches);
        matches.Sum(static m => m.Length).Should().Be(text.Length);
    }
}
