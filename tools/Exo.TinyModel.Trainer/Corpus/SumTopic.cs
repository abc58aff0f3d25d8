namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>Sums and differences, as they are written or said.</summary>
/// <remarks>Held out of training, in every wording and in both orders: one pair of numbers in ten, chosen by a hash.</remarks>
internal sealed class SumTopic(char operation, int largest) : ITopic
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

    public string Kind => operation == '+' ? "addition" : "subtraction";

    public Exchange Ask(Dice dice, Split split)
    {
        var (a, b, result) = Draw(dice, split);
        var equation = $"{a} {operation} {b} = {result}.";
        var slots = new Dictionary<string, string> { ["a"] = English.Number(a), ["b"] = English.Number(b) };
        return new(dice.Expand(dice.Pick(operation == '+' ? Addition : Subtraction), slots), equation, English.Number(result), equation);
    }

    public (string Lead, string Claim)? State(Dice dice)
    {
        var (a, b, result) = Draw(dice, Split.Training);
        return ($"{a} {operation} {b} =", $" {result}.");
    }

    private (int A, int B, int Result) Draw(Dice dice, Split split)
    {
        while (true)
        {
            var a = dice.Between(0, largest);
            var b = dice.Between(0, largest);
            var (x, y, result) = operation == '+' ? (a, b, a + b) : (Math.Max(a, b), Math.Min(a, b), Math.Abs(a - b));
            var heldOut = Dice.Hash($"{operation} {Math.Min(x, y)} {Math.Max(x, y)}") % 10 == 0;
            if (heldOut == (split == Split.HeldOut))
            {
                return (x, y, result);
            }
        }
    }
}
