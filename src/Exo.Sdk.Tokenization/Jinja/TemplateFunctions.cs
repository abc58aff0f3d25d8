using System.Globalization;
using System.Text;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The functions that every chat template may call.</summary>
internal static class TemplateFunctions
{
    /// <summary>The functions.</summary>
    /// <param name="time">Where <c>strftime_now</c> takes the time from.</param>
    /// <param name="limits">What they may cost.</param>
    public static IEnumerable<CallableValue> All(TimeProvider time, TemplateLimits limits)
    {
        yield return new("namespace", Namespace);
        yield return new("dict", Dictionary);
        yield return new("range", a => Range(a, limits));
        yield return new("raise_exception", static a => throw new TemplateError($"the template refuses: {TemplateOperators.ToText(a.Get(0, "message")).Value}"));
        yield return new("strftime_now", a => new TextValue(FormatTime(time.GetLocalNow(), a.Text(0, "format").Value)));
    }

    private static NamespaceValue Namespace(TemplateArguments arguments)
    {
        NamespaceValue space = new();
        foreach (TemplateValue from in arguments.Positional)
        {
            foreach ((TemplateText key, TemplateValue value) in (from as MapValue ?? throw new TemplateError("a namespace is made of names and values")).Entries)
            {
                space.Attributes[key.Value] = value;
            }
        }

        foreach ((string name, TemplateValue value) in arguments.Named)
        {
            space.Attributes[name] = value;
        }

        return space;
    }

    private static MapValue Dictionary(TemplateArguments arguments)
    {
        MapValue map = new();
        foreach (TemplateValue from in arguments.Positional)
        {
            foreach ((TemplateText key, TemplateValue value) in (from as MapValue ?? throw new TemplateError("a dictionary is made of names and values")).Entries)
            {
                map.Set(key, value);
            }
        }

        foreach ((string name, TemplateValue value) in arguments.Named)
        {
            map.Set(TemplateText.Control(name), value);
        }

        return map;
    }

    private static ListValue Range(TemplateArguments arguments, TemplateLimits limits)
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
        if (count > TemplateLimits.MaxRange)
        {
            throw new TemplateError($"a range of more than {TemplateLimits.MaxRange} numbers");
        }

        limits.Spend((long)count);
        return new([.. Enumerable.Range(0, (int)count).Select(i => new IntValue(start + (i * step)))]);
    }

    // The directives of C's strftime, with English names.
    private static string FormatTime(DateTimeOffset now, string format)
    {
        StringBuilder text = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }

            bool unpadded = format[++i] == '-' && i + 1 < format.Length;
            i += unpadded ? 1 : 0;
            string part = Directive(now, format[i]) ?? $"%{(unpadded ? "-" : "")}{format[i]}";
            string bare = part.TrimStart('0');
            text.Append(!unpadded ? part : bare.Length == 0 ? "0" : bare);
        }

        return text.ToString();
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
