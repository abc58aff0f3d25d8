using System.Globalization;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The functions that every chat template may call.</summary>
internal static class TemplateFunctions
{
    /// <summary>The functions.</summary>
    /// <param name="time">Where <c>strftime_now</c> takes the time from.</param>
    /// <param name="budget">What they may cost.</param>
    public static IEnumerable<CallableValue> All(TimeProvider time, TemplateBudget budget)
    {
        CallableValue Function(string name, Func<TemplateArguments, TemplateValue> call) => new(name, a =>
        {
            budget.Step();
            budget.Spend(a.Breadth);
            return call(a);
        });
        yield return Function("namespace", a => Namespace(a, budget));
        yield return Function("dict", a => Dictionary(a, budget));
        yield return Function("range", a => Range(a, budget));
        yield return Function("raise_exception", a => throw new TemplateError($"the template refuses: {TemplateOperators.ToText(a.Get(0, "message"), budget).Value}"));
        yield return Function("strftime_now", a => new TextValue(FormatTime(time.GetLocalNow(), a.Text(0, "format").Value, budget)));
    }

    private static NamespaceValue Namespace(TemplateArguments arguments, TemplateBudget budget)
    {
        NamespaceValue space = new();
        foreach ((TemplateValue key, TemplateValue value) in Dictionary(arguments, budget).Entries)
        {
            space.Set(key is TextValue name ? name.Value : throw new TemplateError($"the name of an attribute is no string but {key.Kind}"), value, budget);
        }

        return space;
    }

    // As Python's dict(…): of another, of pairs, and of names.
    private static MapValue Dictionary(TemplateArguments arguments, TemplateBudget budget)
    {
        budget.Allocate(MapValue.EntryBytes);
        MapValue map = new();
        if (arguments.Positional.Count > 1)
        {
            throw new TemplateError("a dictionary is made of at most one other and of names");
        }

        if (arguments.Positional is [MapValue other])
        {
            foreach ((TemplateValue key, TemplateValue value) in other.Entries)
            {
                map.Set(key, value, budget);
            }
        }
        else if (arguments.Positional is [var pairs])
        {
            foreach (TemplateValue pair in TemplateOperators.Items(pairs, budget))
            {
                map.Set(
                    pair is ListValue { Items: [var key, var value] } ? key : throw new TemplateError("a dictionary is made of names and values"), value, budget);
            }
        }

        foreach ((string name, TemplateValue value) in arguments.Named)
        {
            map.Set(new TextValue(name), value, budget);
        }

        return map;
    }

    private static ListValue Range(TemplateArguments arguments, TemplateBudget budget)
    {
        bool oneBound = arguments.Positional.Count == 1;
        long start = oneBound ? 0 : arguments.Int(0, "start", 0), stop = oneBound ? arguments.Int(0, "stop", 0) : arguments.Int(1, "stop", 0);
        long step = arguments.Int(2, "step", 1);
        if (step == 0)
        {
            throw new TemplateError("a range with steps of zero");
        }

        Int128 distance = (Int128)stop - start;
        Int128 count = distance == 0 || distance > 0 != step > 0 ? 0 : ((distance + step + (step > 0 ? -1 : 1)) / step);
        if (count > TemplateBudget.MaxRange)
        {
            throw new TemplateError($"a range of more than {TemplateBudget.MaxRange} numbers");
        }

        budget.SpendItems((long)count, bytesEach: 40);
        return new([.. Enumerable.Range(0, (int)count).Select(i => new IntValue(start + (i * step)))]);
    }

    // The directives of C's strftime, with English names.
    private static TemplateText FormatTime(DateTimeOffset now, string format, TemplateBudget budget)
    {
        TemplateTextBuilder text = new(budget);
        for (int i = 0; i < format.Length; i++)
        {
            int next = format.IndexOf('%', i);
            if (next != i)
            {
                int end = next < 0 ? format.Length : next;
                text.Append(format.AsSpan(i, end - i));
                i = end - 1;
                continue;
            }

            if (i + 1 == format.Length)
            {
                text.Append('%');
                continue;
            }

            bool unpadded = format[++i] == '-' && i + 1 < format.Length;
            i += unpadded ? 1 : 0;
            budget.SpendText(16);
            string part = Directive(now, format[i]) ?? $"%{(unpadded ? "-" : "")}{format[i]}";
            ReadOnlySpan<char> bare = unpadded ? part.AsSpan().TrimStart('0') : part;
            text.Append(bare.Length == 0 && part.Length > 0 ? "0" : bare);
        }

        return text.ToText();
    }

    private static string? Directive(DateTimeOffset now, char directive)
    {
        string? format = directive switch
        {
            'a' => "ddd",
            'A' => "dddd",
            'b' => "MMM",
            'B' => "MMMM",
            'd' => "dd",
            'm' => "MM",
            'y' => "yy",
            'Y' => "yyyy",
            'H' => "HH",
            'I' => "hh",
            'M' => "mm",
            'S' => "ss",
            'f' => "ffffff",
            'p' => "tt",
            'F' => "yyyy-MM-dd",
            'T' => "HH:mm:ss",
            'D' => "MM/dd/yy",
            _ => null,
        };
        return directive switch
        {
            'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
            'e' => now.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
            'w' => ((int)now.DayOfWeek).ToString(CultureInfo.InvariantCulture),
            'n' => "\n",
            't' => "\t",
            '%' => "%",
            // Local times without a zone, as the reference's.
            'z' or 'Z' => "",
            _ => format is null ? null : now.ToString(format, CultureInfo.InvariantCulture),
        };
    }
}
