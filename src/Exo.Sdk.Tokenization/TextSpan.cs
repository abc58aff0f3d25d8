namespace Exo.Sdk.Tokenization;

/// <summary>A run of UTF-16 units of a text, from <paramref name="Start"/> up to but not including <paramref name="End"/>.</summary>
internal readonly record struct TextSpan(int Start, int End)
{
    public int Length => End - Start;
}
