namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>A run of normalized text on its way to the model; the model never merges across pieces.</summary>
/// <param name="Text">The text the run is part of.</param>
/// <param name="Span">Where in it.</param>
/// <param name="AtStart">Whether the run begins where the whole input begins.</param>
internal readonly record struct Piece(string Text, TextSpan Span, bool AtStart)
{
    public ReadOnlySpan<char> Chars => Text.AsSpan(Span.Start, Span.Length);

    /// <summary>A part of this piece.</summary>
    public Piece Part(TextSpan span) => new(Text, span, AtStart && span.Start == Span.Start);
}

/// <summary>Rewrites a text before it is cut into pieces.</summary>
internal delegate string Normalizer(string text);

/// <summary>Cuts pieces into smaller ones or rewrites them.</summary>
internal delegate List<Piece> PreTokenizer(List<Piece> pieces);
