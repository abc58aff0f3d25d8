using System.Text;
using CsCheck;
using Exo.Sdk.Tokenization.Unicode;

namespace Exo.Sdk.Tokenization.Tests;

/// <summary>The expected forms are those of the Unicode Character Database, written down by hand.</summary>
public class NormalizationTests
{
    [Theory]
    [InlineData("e\u0301", "\u00E9", "e\u0301", "\u00E9", "e\u0301")]
    [InlineData("\uFB01", "\uFB01", "\uFB01", "fi", "fi")]
    [InlineData("\u212B", "\u00C5", "A\u030A", "\u00C5", "A\u030A")]
    [InlineData("\uD55C", "\uD55C", "\u1112\u1161\u11AB", "\uD55C", "\u1112\u1161\u11AB")]
    [InlineData("\u1112\u1161\u11AB", "\uD55C", "\u1112\u1161\u11AB", "\uD55C", "\u1112\u1161\u11AB")]
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323", "\u017F\u0323\u0307", "\u1E69", "s\u0323\u0307")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C")]
    [InlineData("\u0344", "\u0308\u0301", "\u0308\u0301", "\u0308\u0301", "\u0308\u0301")]
    [InlineData("a\u0327\u0301", "\u00E1\u0327", "a\u0327\u0301", "\u00E1\u0327", "a\u0327\u0301")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165", "\U0001D157\U0001D165", "\U0001D157\U0001D165", "\U0001D157\U0001D165")]
    [InlineData("\U0001D400", "\U0001D400", "\U0001D400", "A", "A")]
    [InlineData("\u00A0x", "\u00A0x", "\u00A0x", " x", " x")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307")]
    [InlineData("\uFDFA", "\uFDFA", "\uFDFA", "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064A\u0647 \u0648\u0633\u0644\u0645", "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064A\u0647 \u0648\u0633\u0644\u0645")]
    [InlineData("plain", "plain", "plain", "plain", "plain")]
    public void Gives_the_four_forms(string text, string c, string d, string kc, string kd)
    {
        Normalization.Apply(text, NormalizationForm.FormC).Should().Be(c);
        Normalization.Apply(text, NormalizationForm.FormD).Should().Be(d);
        Normalization.Apply(text, NormalizationForm.FormKC).Should().Be(kc);
        Normalization.Apply(text, NormalizationForm.FormKD).Should().Be(kd);
    }

    [Fact]
    public void Forms_are_stable_on_any_text()
    {
        Gen.Int[0, 0x10FFFF].Where(static c => Rune.IsValid(c) && (c < 0x3400 || c > 0x1F000 || c is > 0xA000 and < 0x11000))
            .List[0, 12].Select(static cs => string.Concat(cs.Select(static c => new Rune(c).ToString())))
            .Sample(static text =>
            {
                string c = Normalization.Apply(text, NormalizationForm.FormC), d = Normalization.Apply(text, NormalizationForm.FormD);
                string kc = Normalization.Apply(text, NormalizationForm.FormKC), kd = Normalization.Apply(text, NormalizationForm.FormKD);
                return Normalization.Apply(c, NormalizationForm.FormC) == c
                    && Normalization.Apply(d, NormalizationForm.FormC) == c
                    && Normalization.Apply(c, NormalizationForm.FormD) == d
                    && Normalization.Apply(kd, NormalizationForm.FormKC) == kc
                    && Normalization.Apply(kc, NormalizationForm.FormKD) == kd
                    && Normalization.Apply(kc, NormalizationForm.FormC) == kc;
            });
    }

    [Fact]
    public void A_long_run_of_marks_is_sorted_in_time()
    {
        string marks = "a" + string.Concat(Enumerable.Repeat("\u0301\u0323", 100_000));
        string result = Normalization.Apply(marks, NormalizationForm.FormD);
        result.Should().Be("a" + new string('\u0323', 100_000) + new string('\u0301', 100_000));
    }

    [Theory]
    [InlineData("ÀÉ", "àé")]
    [InlineData("İ", "i\u0307")]
    [InlineData("𐐀", "𐐨")]
    [InlineData("ẞΣ", "ßσ")]
    [InlineData("abc", "abc")]
    public void Lower_case_knows_no_culture(string text, string expected) => LetterCase.Lower(text).Should().Be(expected);
}
