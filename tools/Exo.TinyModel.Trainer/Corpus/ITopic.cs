namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>Which questions a topic may ask.</summary>
internal enum Split
{
    /// <summary>Everything that is not held out.</summary>
    Training,

    /// <summary>Only what training never shows; each topic says what that is.</summary>
    HeldOut,
}

/// <summary>A kind of question. Thread-safe: all state is in the dice.</summary>
internal interface ITopic
{
    /// <summary>The name under which accuracy is reported.</summary>
    string Kind { get; }

    Exchange Ask(Dice dice, Split split);

    /// <summary>A sentence that states the same knowledge, for plain lists; null if the topic has none.</summary>
    /// <remarks>The tuple's first part is what leads to the answer and counts little, the second the claim itself.</remarks>
    (string Lead, string Claim)? State(Dice dice);

    /// <summary>Whether an answer counts as right: by default, if it contains the key as whole words.</summary>
    bool IsRight(Exchange exchange, string answer)
    {
        for (var at = answer.IndexOf(exchange.Key, StringComparison.OrdinalIgnoreCase); at >= 0; at = answer.IndexOf(exchange.Key, at + 1, StringComparison.OrdinalIgnoreCase))
        {
            var end = at + exchange.Key.Length;
            if ((at == 0 || !char.IsLetterOrDigit(answer[at - 1])) && (end == answer.Length || !char.IsLetterOrDigit(answer[end])))
            {
                return true;
            }
        }
        return false;
    }
}
