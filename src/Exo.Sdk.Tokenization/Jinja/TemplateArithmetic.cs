namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The arithmetic of Python, on 64-bit integers.</summary>
internal static class TemplateArithmetic
{
    /// <summary>Applies an operator to two values.</summary>
    public static TemplateValue Apply(string op, TemplateValue left, TemplateValue right, TemplateBudget budget)
    {
        if (op == "~")
        {
            return Join(TemplateOperators.ToText(left, budget), TemplateOperators.ToText(right, budget), budget);
        }

        switch (op, left, right)
        {
            case ("+", TextValue l, TextValue r):
                return Join(l.Text, r.Text, budget);
            case ("+", ListValue l, ListValue r) when l.IsTuple == r.IsTuple:
                budget.SpendItems(l.Items.Count + r.Items.Count, bytesEach: 8);
                return new ListValue([.. l.Items, .. r.Items], l.IsTuple);
            case ("*", TextValue text, IntValue times):
                return Repeat(text, times.Value, budget);
            case ("*", IntValue times, TextValue text):
                return Repeat(text, times.Value, budget);
            case ("%", TextValue, _):
                throw new TemplateError("formatting with '%' is not supported; use '~'");
        }

        if (Whole(left) is { } a && Whole(right) is { } b && op != "/")
        {
            try
            {
                return Apply(op, a, b);
            }
            catch (OverflowException)
            {
                throw new TemplateError($"{a} {op} {b} does not fit into 64 bits");
            }
        }

        if (!TemplateOperators.TryNumber(left, out double x) || !TemplateOperators.TryNumber(right, out double y))
        {
            throw new TemplateError($"'{op}' does not go with {left.Kind} and {right.Kind}");
        }

        return new FloatValue(op switch
        {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "**" => Math.Pow(x, y),
            _ when y == 0 => throw new TemplateError("division by zero"),
            "/" => x / y,
            "//" => Math.Floor(x / y),
            _ => x - (Math.Floor(x / y) * y),
        });
    }

    private static TemplateValue Apply(string op, long a, long b)
    {
        switch (op)
        {
            case "+":
                return new IntValue(checked(a + b));
            case "-":
                return new IntValue(checked(a - b));
            case "*":
                return new IntValue(checked(a * b));
            case "//" or "%" when b == 0:
                throw new TemplateError("division by zero");
            case "//":
                // Python rounds down, C# toward zero.
                return new IntValue(checked((a / b) - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0)));
            case "%":
                long rest = b == -1 ? 0 : a % b;
                return new IntValue(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
            case "**" when b >= 0:
                long power = 1;
                for (long i = 0; i < b && power is not (0 or 1 or -1) | i == 0; i++)
                {
                    power = checked(power * a);
                }

                return new IntValue(a == -1 ? (b % 2 == 0 ? 1 : -1) : power);
            default:
                return new FloatValue(Math.Pow(a, b));
        }
    }

    /// <summary>The order of a whole number and a float, exactly: rounded ones would not sort consistently. NaN comes first.</summary>
    public static int Compare(long whole, double number)
    {
        if (AsWhole(Math.Floor(number)) is not { } floor)
        {
            return number > 0 ? -1 : 1;
        }

        return whole != floor ? whole.CompareTo(floor) : number > floor ? -1 : 0;
    }

    /// <summary>A float as the whole number it is exactly, or null.</summary>
    public static long? AsWhole(double number) =>
        number >= long.MinValue && number < -(double)long.MinValue && Math.Truncate(number) == number ? (long)number : null;

    /// <summary>A whole number out of a value that is one; truth values count.</summary>
    public static long? Whole(TemplateValue value) => value switch
    {
        IntValue number => number.Value,
        BoolValue flag => flag.Value ? 1 : 0,
        _ => null,
    };

    private static TextValue Join(TemplateText left, TemplateText right, TemplateBudget budget)
    {
        TemplateBudget.CheckText((long)left.Length + right.Length);
        return new(TemplateText.Concat(left, right, budget));
    }

    private static TextValue Repeat(TextValue text, long times, TemplateBudget budget)
    {
        times = text.Text.Length == 0 ? 0 : Math.Clamp(times, 0, int.MaxValue);
        TemplateBudget.CheckText(text.Text.Length * times);
        TemplateTextBuilder repeated = new(budget);
        for (; times > 0; times--)
        {
            repeated.Append(text.Text);
        }

        return new(repeated.ToText());
    }
}
