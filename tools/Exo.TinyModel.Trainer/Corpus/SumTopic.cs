namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>Sums, differences and products, as they are written or said, or as a little story.</summary>
/// <remarks>
/// Held out of training, in every wording and in both orders: one pair of numbers in ten (addition, subtraction), chosen by a hash.
/// Products cannot be worked out from other products, so for them only one order of a held-out pair is unseen.
/// </remarks>
internal sealed class SumTopic(char operation, int largest, bool asStory = false) : ITopic
{
    private static readonly string[] Addition =
    [
        "What is {a} + {b}?", "What is {a} plus {b}?", "{a} + {b} = ?", "{a} + {b}", "{a}+{b}", "{a}+{b}=?", "How much is {a} + {b}?", "How much is {a} plus {b}?",
        "Add {a} and {b}.", "What do you get when you add {a} and {b}?", "Calculate {a} + {b}.", "What is the sum of {a} and {b}?", "What does {a} + {b} make?",
        "Can you add {a} and {b}?", "Compute {a} + {b}.", "What's {a} + {b}?", "what is {a}+{b}",
    ];

    private static readonly string[] Subtraction =
    [
        "What is {a} - {b}?", "What is {a} minus {b}?", "{a} - {b} = ?", "{a} - {b}", "{a}-{b}", "{a}-{b}=?", "How much is {a} - {b}?", "How much is {a} minus {b}?",
        "Subtract {b} from {a}.", "What do you get when you take {b} from {a}?", "Calculate {a} - {b}.", "What is left when you take {b} away from {a}?",
        "Compute {a} - {b}.", "What's {a} - {b}?", "Can you subtract {b} from {a}?", "what is {a}-{b}",
    ];

    private static readonly string[] Multiplication =
    [
        "What is {a} x {b}?", "What is {a} times {b}?", "{a} x {b} = ?", "{a} x {b}", "{a} * {b}", "{a}*{b}=?", "What is {a} * {b}?", "How much is {a} times {b}?",
        "Multiply {a} by {b}.", "Multiply {a} and {b}.", "Calculate {a} x {b}.", "What do you get when you multiply {a} by {b}?", "What's {a} x {b}?",
    ];

    private static readonly string[] MoreStories =
    [
        "{name} has {a} {things}. {other} gives {him} {b} more. How many {things} does {name} have now?",
        "There are {a} {things} on the table. {name} puts {b} more there. How many {things} are on the table now?",
        "{name} has {a} {things} and {other} has {b} {things}. How many {things} do they have together?",
        "{name} finds {a} {things} in the morning and {b} {things} in the evening. How many {things} is that?",
    ];

    private static readonly string[] FewerStories =
    [
        "{name} has {a} {things}. {He} gives {b} to {other}. How many {things} does {name} have now?",
        "There are {a} {things} in a box. {name} takes {b} out. How many {things} are left?",
        "{name} had {a} {things} and lost {b}. How many {things} are left?",
        "{name} has {a} {things} and eats {b}. How many {things} are left?",
    ];

    public string Kind => (asStory ? "word problems, " : "sums, ") + operation switch { '+' => "addition", '-' => "subtraction", _ => "products" };

    public Exchange Ask(Dice dice, Split split)
    {
        var (a, b, result) = Draw(dice, split);
        var equation = $"{a} {operation} {b} = {result}.";
        var slots = new Dictionary<string, string> { ["a"] = English.Number(a), ["b"] = English.Number(b) };
        if (!asStory)
        {
            var questions = operation switch { '+' => Addition, '-' => Subtraction, _ => Multiplication };
            return new(dice.Expand(dice.Pick(questions), slots), equation, English.Number(result), equation);
        }
        var things = dice.Pick(Words.CountedThings);
        var people = dice.Sample(Words.People, 2);
        slots["things"] = things;
        slots["name"] = people[0].Name;
        slots["other"] = people[1].Name;
        slots["he"] = people[0].He;
        slots["him"] = people[0].Him;
        var story = dice.Expand(dice.Pick(operation == '+' ? MoreStories : FewerStories), slots);
        return new(story, $"{equation} The answer is {result} {things}.", English.Number(result), equation);
    }

    public (string Lead, string Claim)? State(Dice dice)
    {
        var (a, b, result) = Draw(dice, Split.Training);
        return asStory ? null : ($"{a} {operation} {b} =", $" {result}.");
    }

    private (int A, int B, int Result) Draw(Dice dice, Split split)
    {
        while (true)
        {
            var a = dice.Between(0, largest);
            var b = dice.Between(0, largest);
            var (x, y, result) = operation switch
            {
                '+' => (a, b, a + b),
                '-' => (Math.Max(a, b), Math.Min(a, b), Math.Abs(a - b)),
                _ => (a, b, a * b),
            };
            var heldOut = operation == 'x'
                ? x > y && Dice.Hash($"x {x} {y}") % 10 == 0
                : Dice.Hash($"{operation} {Math.Min(x, y)} {Math.Max(x, y)}") % 10 == 0;
            if (heldOut == (split == Split.HeldOut) && (!asStory || (x > 0 && y > 0 && (operation == '+' || x > y))))
            {
                return (x, y, result);
            }
        }
    }
}
