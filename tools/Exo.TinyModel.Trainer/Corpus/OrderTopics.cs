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

/// <summary>Counting up and down, and in steps of two, five or ten.</summary>
/// <remarks>Held out of training: one pair of first and last number in ten.</remarks>
internal sealed class CountingTopic : ITopic
{
    private static readonly string[] Wordings =
        ["Count from {a} to {b}{by}.", "Can you count from {a} to {b}{by}?", "Please count from {a} to {b}{by}.", "Count {a} to {b}{by}", "Say the numbers from {a} to {b}{by}."];

    public string Kind => "counting";

    public Exchange Ask(Dice dice, Split split)
    {
        while (true)
        {
            var step = dice.Chance(0.8) ? 1 : dice.Pick([2, 5, 10]);
            var first = step == 1 ? dice.Between(0, 30) : step * dice.Next(4);
            var last = first + (step * dice.Between(2, 10));
            if ((Dice.Hash($"{first} {last} {step}") % 10 == 0) != (split == Split.HeldOut))
            {
                continue;
            }
            var numbers = Enumerable.Range(0, ((last - first) / step) + 1).Select(i => first + (i * step));
            if (step == 1 && dice.Chance(0.3))
            {
                numbers = numbers.Reverse();
                (first, last) = (last, first);
            }
            var slots = new Dictionary<string, string>
            {
                ["a"] = English.Number(first),
                ["b"] = English.Number(last),
                ["by"] = step switch { 1 => "", 2 => " by twos", 5 => " by fives", _ => " by tens" },
            };
            var answer = string.Join(", ", numbers) + ".";
            return new(dice.Expand(dice.Pick(Wordings), slots), answer, null, answer);
        }
    }

    public (string Lead, string Claim)? State(Dice dice) => null;
}

/// <summary>Which of two numbers or animals is larger or smaller; even and odd; doubles and halves.</summary>
/// <remarks>Held out of training, in every wording: one pair in ten, one number in ten.</remarks>
internal sealed class ComparisonTopic : ITopic
{
    // From small to large.
    private static readonly string[] BySize =
        "ant,bee,frog,mouse,bird,duck,cat,fox,sheep,pig,lion,horse,elephant,whale".Split(',');

    public string Kind => "comparisons";

    public Exchange Ask(Dice dice, Split split)
    {
        while (true)
        {
            var (seenAs, exchange) = dice.Next(4) switch
            {
                0 => Animals(dice),
                1 => EvenOrOdd(dice),
                2 => DoubleOrHalf(dice),
                _ => Numbers(dice),
            };
            if ((Dice.Hash(seenAs) % 10 == 0) == (split == Split.HeldOut))
            {
                return exchange;
            }
        }
    }

    public (string Lead, string Claim)? State(Dice dice)
    {
        var exchange = Ask(dice, Split.Training);
        return ("", exchange.Answer);
    }

    private static (string SeenAs, Exchange Exchange) Numbers(Dice dice)
    {
        var a = dice.Between(0, 60);
        var b = (a + dice.Between(1, 60)) % 61;
        var larger = dice.Chance(0.5);
        var answer = English.Number(larger ? Math.Max(a, b) : Math.Min(a, b));
        var other = English.Number(larger ? Math.Min(a, b) : Math.Max(a, b));
        var word = larger ? dice.Pick(["bigger", "larger"]) : "smaller";
        var question = dice.Expand($"[Which is {word}, {a} or {b}?|Which number is {word}, {a} or {b}?|What is {word}: {a} or {b}?]", new Dictionary<string, string>());
        return ($"{Math.Min(a, b)} {Math.Max(a, b)}", new(question, $"{answer} is {word} than {other}.", answer + ".", $"{answer} is {word}"));
    }

    private static (string SeenAs, Exchange Exchange) Animals(Dice dice)
    {
        var i = dice.Next(BySize.Length);
        var j = (i + dice.Between(1, BySize.Length - 1)) % BySize.Length;
        var larger = dice.Chance(0.5);
        var (answer, other) = (BySize[larger ? Math.Max(i, j) : Math.Min(i, j)], BySize[larger ? Math.Min(i, j) : Math.Max(i, j)]);
        var word = larger ? "bigger" : "smaller";
        var (a, b) = (English.A(BySize[i]), English.A(BySize[j]));
        var question = dice.Expand($"[Which is {word}, {a} or {b}?|What is {word}, {a} or {b}?|Which animal is {word}: {a} or {b}?]", new Dictionary<string, string>());
        var claim = $"{English.Capital(English.A(answer))} is {word}";
        return ($"{Math.Min(i, j)} {Math.Max(i, j)} animals", new(question, $"{claim} than {English.A(other)}.", English.Capital(English.A(answer)) + ".", claim));
    }

    private static (string SeenAs, Exchange Exchange) EvenOrOdd(Dice dice)
    {
        var number = dice.Between(0, 99);
        var answer = number % 2 == 0 ? "even" : "odd";
        var question = dice.Pick([$"Is {number} even or odd?", $"Is {number} odd or even?", $"Is the number {number} even or odd?"]);
        return ($"{number} parity", new(question, $"{number} is {answer}.", English.Capital(answer) + ".", answer));
    }

    private static (string SeenAs, Exchange Exchange) DoubleOrHalf(Dice dice)
    {
        var number = dice.Between(1, 20);
        var twice = number * 2;
        return dice.Chance(0.5)
            ? ($"{number} twice", new(dice.Pick([$"What is double {number}?", $"What is the double of {number}?", $"Double {number}."]), $"Double {number} is {twice}.", $"{twice}.", English.Number(twice)))
            : ($"{number} half", new(dice.Pick([$"What is half of {twice}?", $"What is half {twice}?", $"Tell me half of {twice}."]), $"Half of {twice} is {number}.", $"{number}.", English.Number(number)));
    }
}
