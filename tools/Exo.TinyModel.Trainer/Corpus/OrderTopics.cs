namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>What comes after and before, in days, months, letters, seasons and numbers.</summary>
/// <remarks>Held out of training: two wordings, for every item; and, in any wording, one number in ten.</remarks>
internal sealed class NeighbourTopic : ITopic
{
    private static readonly (string Noun, string[] Items, bool Wraps)[] Orders =
    [
        ("day", Words.Days, true),
        ("month", Words.Months, true),
        ("letter", [.. Enumerable.Range('A', 26).Select(letter => ((char)letter).ToString())], false),
        ("season", Words.Seasons, true),
        ("number", [.. Enumerable.Range(0, 101).Select(English.Number)], false),
    ];

    private static readonly string[] Training =
    [
        "[What|Which] {noun} comes {side} {item}?", "[What|Which] {noun} is {side} {item}?", "What comes {side} {item}?", "Tell me the {noun} {side} {item}.",
        "What is the {noun} {side} {item}?", "[What|Which] {noun} is right {side} {item}?",
    ];

    private static readonly string[] HeldOut = ["Can you tell me the {noun} {side} {item}?", "Tell me which {noun} comes {side} {item}."];

    public string Kind => "what comes next";

    public Exchange Ask(Dice dice, Split split)
    {
        var (noun, item, after, answer) = Draw(dice, split);
        var slots = new Dictionary<string, string> { ["noun"] = noun, ["item"] = item, ["side"] = after ? "after" : "before" };
        return new(
            dice.Expand(dice.Pick(split == Split.Training ? Training : HeldOut), slots),
            $"{answer} comes {slots["side"]} {item}.", answer + ".", $"{answer} comes {slots["side"]} {item}");
    }

    public (string Lead, string Claim)? State(Dice dice)
    {
        var (_, item, after, answer) = Draw(dice, Split.Training);
        return ("", $"{English.Capital(answer)} comes {(after ? "after" : "before")} {item}.");
    }

    private static (string Noun, string Item, bool After, string Answer) Draw(Dice dice, Split split)
    {
        while (true)
        {
            var (noun, items, wraps) = dice.Pick(Orders);
            var at = dice.Next(items.Length);
            var after = dice.Chance(0.6);
            var next = after ? at + 1 : at - 1;
            if (wraps)
            {
                next = (next + items.Length) % items.Length;
            }
            else if (next < 0 || next >= items.Length)
            {
                continue;
            }
            if (noun == "number" && (Dice.Hash($"{items[at]} {after}") % 10 == 0) != (split == Split.HeldOut))
            {
                continue;
            }
            return (noun, items[at], after, English.Capital(items[next]));
        }
    }
}
