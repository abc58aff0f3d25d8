using Exo.Sdk.Transport.Sealing;

namespace Exo.Sdk.Transport.Tests.Sealing;

public sealed class ClusterKeyTests
{
    [Theory]
    [InlineData("")]
    [InlineData("k")]
    [InlineData("fifteen letters")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("abababababcdcdcdcdcdcdcdeeeee")]
    public void A_key_that_is_short_or_repeats_itself_is_refused(string key) =>
        FluentActions.Invoking(() => ClusterKey.Require(key, "the test"))
            .Should().Throw<ConfigurationException>().WithMessage($"*the test has {key.Length} characters*");

    [Fact]
    public void A_key_without_end_is_refused() =>
        FluentActions.Invoking(() => ClusterKey.Require(string.Concat(Enumerable.Repeat("abcdefgh", 1000)), "the test"))
            .Should().Throw<ConfigurationException>().WithMessage("*8000 characters*");

    [Theory]
    [InlineData("abcdef0123456789")]
    [InlineData("sixteen letters!")]
    public void A_key_of_the_least_length_is_taken(string key) => ClusterKey.Require(key, "the test");

    [Fact]
    public void Equal_keys_stretch_to_equal_bytes_and_others_to_others()
    {
        byte[] stretched = ClusterKey.Stretch("a key for the tests only");
        stretched.Should().HaveCount(32);
        ClusterKey.Stretch("a key for the tests only").Should().Equal(stretched);
        ClusterKey.Stretch("a key for the tests onlx").Should().NotEqual(stretched);
        ClusterKey.Stretch("a key for the tests only ").Should().NotEqual(stretched);
    }

    /// <summary>Another version's stretching would be a wrong key to this one, so it may not change by accident. Value of Python's hashlib.</summary>
    [Fact]
    public void Stretching_is_PBKDF2() =>
        Convert.ToHexStringLower(ClusterKey.Stretch("a key for the tests only")).Should().Be("128771374e65a477dc47b5a5f439b667464a4186185bc7054d050b55906dda29");
}
