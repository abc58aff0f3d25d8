namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>Who speaks in a chat.</summary>
internal enum Role
{
    System,
    User,
    Assistant,
}

/// <summary>A question and its answer.</summary>
/// <param name="Question">What the user says.</param>
/// <param name="Answer">What the assistant says.</param>
/// <param name="Brief">The answer in as few words as possible, given where the system turn asks for that; null if there is none.</param>
/// <param name="Key">What an answer must contain to count as right, as a whole word.</param>
internal sealed record Exchange(string Question, string Answer, string? Brief, string Key);

/// <summary>A stretch of text, or one special token, and how much its prediction counts in the loss.</summary>
internal readonly record struct Piece(string Text, bool IsSpecial, float Weight);

/// <summary>One training document. Its first token is never a target: nothing comes before it.</summary>
internal sealed record Document(IReadOnlyList<Piece> Pieces)
{
    /// <summary>A question is worth predicting a little: it teaches words, but which question comes next is chance.</summary>
    private const float QuestionWeight = 0.1f;

    /// <summary>Begin token, text, end token.</summary>
    public static Document Plain(string text) =>
        new([new(SpecialTokens.EndOfText, true, 0), new(text, false, 1), new(SpecialTokens.EndOfText, true, 1)]);

    /// <summary>ChatML.</summary>
    public static Document Chat(IEnumerable<(Role Role, string Text)> turns)
    {
        var pieces = new List<Piece>();
        foreach (var (role, text) in turns)
        {
            var weight = role == Role.Assistant ? 1 : QuestionWeight;
            pieces.Add(new(SpecialTokens.TurnStart, true, 0));
            pieces.Add(new(role switch { Role.System => "system\n", Role.User => "user\n", _ => "assistant\n" }, false, 0));
            pieces.Add(new(text, false, weight));
            pieces.Add(new(SpecialTokens.TurnEnd, true, weight));
            pieces.Add(new("\n", false, 0));
        }
        return new(pieces);
    }
}

/// <summary>The special tokens, in the order of their ids.</summary>
internal static class SpecialTokens
{
    public const string EndOfText = "<|endoftext|>";
    public const string TurnStart = "<|im_start|>";
    public const string TurnEnd = "<|im_end|>";

    public static readonly string[] All = [EndOfText, TurnStart, TurnEnd];
}
