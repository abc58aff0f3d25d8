using System.Globalization;
using System.Text;
using Exo.Sdk.Tokenization.Jinja;

namespace Exo.Sdk.Tokenization.Tests.Fuzzing;

/// <summary>
/// Writes templates at random that are mostly well-formed and lean toward what costs much: large texts, long and deep
/// lists, loops in loops, macros that call each other. Every filter, test and method that there is comes up.
/// </summary>
internal sealed class TemplateGrammar(Random random)
{
    private const int MaxDepth = 4;

    private static readonly string[] Filters = [.. TemplateFilters.All.Keys];
    private static readonly string[] Tests = [.. TemplateConditions.All.Keys.Where(static n => char.IsLetter(n[0]))];
    private static readonly string[] Methods = [.. TemplateMethods.OfTexts.Keys, .. TemplateMethods.OfLists.Keys, .. TemplateMethods.OfMaps.Keys];
    private static readonly string[] Binary = ["+", "-", "*", "/", "//", "%", "**", "~", "and", "or", "==", "!=", "<", ">=", "in", "not in"];
    private static readonly string[] Names = ["x", "y", "messages", "tools", "ns.t", "ns.l", "ns.d", "a", "none", "missing", "ns", "loop"];
    private static readonly string[] Arguments =
        ["attribute", "reverse", "case_sensitive", "by", "indent", "separators", "sort_keys", "ensure_ascii", "default", "width", "first", "blank", "count", "d", "sep", "maxsplit", "start"];

    private static readonly string[] Numbers =
        ["0", "1", "-1", "2", "3", "64", "1000", "100000", "9223372036854775807", "(-9223372036854775807 - 1)", "1.5", "1e308", "0.0", "('nan' | float)", "true", "none"];

    private static readonly string[] Texts =
        ["''", "'a'", "'a.b.c'", "'role'", "'0'", "','", "'%Y-%d%%%j'", "'\\ud800'", "'ß😀é'", "'even'", "'upper'", "'equalto'", "' '", "'\\n'", "'ab' * 1000", "'a,' * 100000", "'ß' * 1000000", "'a' * 4000000"];

    private readonly StringBuilder _text = new();

    /// <summary>The next template.</summary>
    public string Next()
    {
        _text.Clear();
        _text.Append("{% set ns = namespace(t='', l=[], d={}) %}{% set x = messages[0].content %}{% set y = 1 %}");
        Body(0, Math.Max(2, random.Next(8)));
        return _text.ToString();
    }

    private void Body(int depth, int statements)
    {
        for (; statements > 0; statements--)
        {
            Statement(depth);
        }
    }

    private void Statement(int depth)
    {
        bool leaf = depth >= MaxDepth;
        switch (random.Next(leaf ? 5 : 13))
        {
            case 0:
                _text.Append("text <|x|>\n");
                break;
            case 1 or 2:
                Add("{{ ", Expression(depth), " }}");
                break;
            case 3:
                Add("{% set ", Pick("x", "y", "a"), " = ", Expression(depth), " %}");
                break;
            case 4:
                // What grows from turn to turn.
                _text.Append(Pick(
                    "{% set ns.t = ns.t ~ ns.t ~ x %}",
                    "{% set ns.l = [ns.l, ns.l] %}",
                    "{% set ns.l = ns.l + [x, y] %}",
                    "{% set ns.d = dict(ns.d, a=ns.d) %}",
                    "{% set ns.d = dict(ns.l | items, x=1) %}",
                    "{% set x = [x] %}",
                    "{% set x = ns %}",
                    "{% set ns.t = ns.t | tojson %}"));
                break;
            case 5 or 6 or 7:
                Add("{% for ", Pick("a", "a", "a, y"), " in ", random.Next(3) == 0 ? $"range({Pick("3", "100", "1000", "100000")})" : List(depth), random.Next(4) == 0 ? " if " + Expression(depth + 1) : "", " %}");
                Body(depth + 1, 1 + random.Next(3));
                if (random.Next(8) == 0)
                {
                    Add("{% if ", Expression(depth + 1), " %}{% break %}{% endif %}");
                }

                Add("{% endfor %}");
                break;
            case 8:
                Add("{% if ", Expression(depth), " %}");
                Body(depth + 1, 1);
                for (int i = random.Next(3); i > 0; i--)
                {
                    Add("{% elif ", Expression(depth), " %}");
                    Body(depth + 1, 1);
                }

                Add("{% else %}{% endif %}");
                break;
            case 9:
                string name = Pick("f", "g");
                Add("{% macro ", name, "(a, y=1) %}");
                Body(depth + 1, 1 + random.Next(2));
                Add(random.Next(2) == 0 ? $"{{{{ {Pick("f", "g")}(a, y + 1) }}}}" : "", "{% endmacro %}{{ ", name, "(", Expression(depth + 1), ") }}");
                break;
            case 10:
                Add("{% filter ", random.Next(2) == 0 ? Filter(depth) : Pick("upper", "trim", "tojson", "indent", "length", "list"), " %}");
                Body(depth + 1, 1 + random.Next(2));
                Add("{% endfilter %}");
                break;
            case 11:
                Add("{% set ", Pick("x", "ns.t"), random.Next(4) == 0 ? " | " + Filter(depth) : "", " %}");
                Body(depth + 1, 1 + random.Next(2));
                Add("{% endset %}");
                break;
            default:
                Add("{% macro m(a) %}{{ caller(a) }}{{ caller(a) }}{% endmacro %}{% call(x) m(", Expression(depth + 1), ") %}");
                Body(depth + 1, 1);
                Add("{% endcall %}");
                break;
        }
    }

    // Mostly of the kinds that go together: an error at once finds nothing. Now and then any kind.
    private string Expression(int depth) => random.Next(4) switch
    {
        0 => Number(depth),
        1 => List(depth),
        2 => Map(depth),
        _ => Text(depth),
    };

    private string Text(int depth) => (depth++ >= MaxDepth ? random.Next(2) : random.Next(14)) switch
    {
        0 => $"({Pick(Texts)})",
        1 => Pick("x", "ns.t", "messages[1].content", "messages[0].role"),
        2 or 3 => $"({Text(depth)} {Pick("+", "~")} {Text(depth)})",
        4 => $"({Text(depth)} * {Pick("2", "50", "1000", "100000")})",
        5 => $"({Text(depth)} | {Pick("upper", "lower", "title", "capitalize", "trim", "string", "reverse", "tojson", "indent", "indent(100, true)")})",
        6 => $"({Text(depth)} | replace({Text(depth)}, {Text(depth)}))",
        7 => $"({Any(depth)} | tojson({Pick("", "indent=64", "indent='abc'", $"separators=({Text(depth)}, {Text(depth)})", "sort_keys=true", "ensure_ascii=true")}))",
        8 => $"({List(depth)} | join({Text(depth)}))",
        9 => $"({Text(depth)}).{Pick("strip", "lstrip", "rstrip", "removeprefix", "removesuffix")}({Text(depth)})",
        10 => $"strftime_now({Text(depth)})",
        11 => $"({Text(depth)})[{Number(depth)}:{Number(depth)}:{Number(depth)}]",
        12 => $"({Text(depth)} if {Any(depth)} else {Text(depth)})",
        _ => Any(depth),
    };

    private string List(int depth) => (depth++ >= MaxDepth ? random.Next(3) : random.Next(16)) switch
    {
        0 => Pick("[]", "(1, 'a')", "[3, 1, 2.5, true]", "['b', 'A', 'ß']", "[[1, 2], [3, 4]]", "[{'a': {'b': 1}}, {'a': {'b': 0}}]"),
        1 => $"range({Pick("5", "1000", "100000")})",
        2 => Pick("messages", "ns.l", "tools"),
        3 => $"[{Any(depth)}, {Any(depth)}]",
        4 => $"({List(depth)} + {List(depth)})",
        5 => $"({List(depth)} | {Pick("list", "sort", "unique", "reverse", "select", "reject", "sort(reverse=true)")} | list)",
        6 => $"({List(depth)} | {Pick("sort", "unique", "map", "join")}({Pick("attribute", "case_sensitive")}={Text(depth)}) | list)",
        7 => $"({List(depth)} | {Pick("selectattr", "rejectattr")}({Text(depth)}{Pick("", ", 'equalto', x", ", 'in', ns.l", ", 'defined'")}) | list)",
        8 => $"({List(depth)} | map('{Pick(Filters)}'{Pick("", ", x", ", 2")}) | list)",
        9 => $"({List(depth)} | {Pick("select", "reject")}('{Pick(Tests)}'{Pick("", ", x", ", 2", ", ns.l")}) | list)",
        10 => $"({Map(depth)} | {Pick("items", "dictsort", "list")} | list)",
        11 => $"({Map(depth)}).{Pick("items", "keys", "values")}()",
        12 => $"({Text(depth)}).{Pick("split", "rsplit")}({Pick("", Text(depth), Text(depth) + ", 3")})",
        13 => $"({Text(depth)} | list)",
        14 => $"({List(depth)})[{Number(depth)}:{Number(depth)}:{Number(depth)}]",
        _ => Any(depth),
    };

    private string Map(int depth) => (depth++ >= MaxDepth ? random.Next(2) : random.Next(6)) switch
    {
        0 => Pick("{}", "{1: 'a', 'b': 2, 2.5: none}", "{'a': {'b': [1]}}"),
        1 => Pick("messages[0]", "ns.d", "{'c': ns.d}"),
        2 => $"{{{Text(depth)}: {Any(depth)}, {Number(depth)}: {Any(depth)}}}",
        3 => $"dict({Map(depth)}, a={Any(depth)}, b={Any(depth)})",
        4 => $"dict({Map(depth)}.items())",
        _ => Any(depth),
    };

    private string Number(int depth) => (depth++ >= MaxDepth ? random.Next(2) : random.Next(9)) switch
    {
        0 => Pick(Numbers),
        1 => Pick("y", "3", "7"),
        2 => $"({Number(depth)} {Pick("+", "-", "*", "/", "//", "%", "**")} {Number(depth)})",
        3 => $"({Any(depth)} {Pick("==", "!=", "and", "or")} {Any(depth)})",
        4 => $"({Any(depth)} {Pick("in", "not in")} {List(depth)})",
        5 => $"({Pick(Text(depth), List(depth), Map(depth))} | length)",
        6 => $"({List(depth)} | {Pick("sum", "min", "max", "first", "last", $"min(attribute={Text(depth)})", $"max(attribute={Text(depth)})")})",
        7 => $"({Text(depth)}).{Pick("find", "rfind", "count", "startswith", "endswith")}({Text(depth)})",
        _ => Any(depth),
    };

    // Whatever there is, sense or none.
    private string Any(int depth)
    {
        if (depth >= MaxDepth || random.Next(3) > 0)
        {
            return random.Next(3) == 0 ? Pick(Names) : Expression(depth + 1);
        }

        depth++;
        return random.Next(8) switch
        {
            0 or 1 => $"({Expression(depth)} {Pick(Binary)} {Expression(depth)})",
            2 or 3 => $"({Expression(depth)} | {Filter(depth)})",
            4 => $"({Expression(depth)} is {Pick(Tests)}{(random.Next(2) == 0 ? $"({Expression(depth)})" : "")})",
            5 => $"({Expression(depth)}).{Pick(Methods)}({CallArguments(depth)})",
            6 => $"{Pick("range", "dict", "namespace", "strftime_now", "f", "g", "raise_exception", "loop.cycle")}({CallArguments(depth)})",
            _ => $"({Expression(depth)})[{Expression(depth)}]",
        };
    }

    private string Filter(int depth) => $"{Pick(Filters)}{(random.Next(2) == 0 ? $"({CallArguments(depth)})" : "")}";

    private string CallArguments(int depth)
    {
        StringBuilder arguments = new();
        for (int i = random.Next(3); i > 0; i--)
        {
            arguments.Append(arguments.Length > 0 ? ", " : "").Append(random.Next(6) == 0 ? "*" : "").Append(Expression(depth + 1));
        }

        for (int i = random.Next(3) == 0 ? 1 + random.Next(2) : 0; i > 0; i--)
        {
            arguments.Append(CultureInfo.InvariantCulture, $"{(arguments.Length > 0 ? ", " : "")}{Pick(Arguments)}={Expression(depth + 1)}");
        }

        return arguments.ToString();
    }

    private void Add(params ReadOnlySpan<string> parts)
    {
        foreach (string part in parts)
        {
            _text.Append(part);
        }
    }

    private string Pick(params string[] of) => of[random.Next(of.Length)];
}
