using System.Globalization;
using System.Text;

namespace Exo.Sdk.Tokenization.Tests;

/// <summary>What a hostile template costs: time, memory, and the stack.</summary>
public class ChatTemplateCostTests
{
    // All bytes that reading and rendering may take: twice the budget, which counts by estimate.
    private const long MaxBytes = 1L << 30;

    private static readonly string Thousands = string.Join(", ", Enumerable.Range(0, 20_000).Select(static i => string.Create(CultureInfo.InvariantCulture, $"'k{i}': {i}")));

    public static TheoryData<string, string> Expensive => new()
    {
        { "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "needs more than" },
        { "{% set n = namespace(t='aaaaaaaa') %}{% for a in range(100) %}{% set n.t = n.t + n.t %}{% endfor %}", "grows beyond" },
        { "{{ 'a' * 1000000000 }}", "grows beyond" },
        { "{{ 'aaaa'.replace('a', 'b' * 4000000) }}", "grows beyond" },
        { "{{ range(100000) | join('b' * 1000) }}", "grows beyond" },
        { "{% for a in range(100000) %}{{ 'xxxxxxxxxx' * 100 }}{% endfor %}", "grows beyond" },
        { "{% set n = namespace(l=[]) %}{% for a in range(1000) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l }}", "nested deeper" },
        { "{% set n = namespace(l=[1]) %}{% for a in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l == n.l }}", "parts" },
        { "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}", "nested too deep" },
        { "{{ ('a' * 4000000) in ('a' * 2000000 ~ 'b' * 2000000) }}{{ ('a' * 2000000 ~ 'b') in ('a' * 4000000) }}", "steps" },
        { "{{ range(100001) }}", "range of more than" },
        { "{{ ('a,' * 2000000).split(',') | length }}", "too many parts" },
        { "{{ ('a' * 4000000) | list }}", "too long" },
        { "{{ 9223372036854775807 + 1 }}", "64 bits" },
        { "{{ 10 ** 10000000000 }}", "64 bits" },
    };

    [Theory]
    [MemberData(nameof(Expensive))]
    public void What_a_template_costs_is_bounded(string source, string says)
    {
        ChatTemplate template = ChatTemplate.Parse(source);
        Action render = () => template.Render([]);
        render.Should().Throw<TokenizationException>().WithMessage($"*line 1*{says}*");
    }

    public static TheoryData<string, string> Attacks => new()
    {
        { "strftime_now over a long format", Loop("strftime_now('%Y' * 1000000)") },
        { "strftime_now over a long plain text", Loop("strftime_now('-' * 4000000)") },
        { "items", "{% set d = {" + Thousands + "} %}" + Loop("d.items()") },
        { "items of the filter", "{% set d = {" + Thousands + "} %}" + Loop("d | items") },
        { "keys", "{% set d = {" + Thousands + "} %}" + Loop("d.keys()") },
        { "values", "{% set d = {" + Thousands + "} %}" + Loop("d.values()") },
        { "dict of a dictionary", "{% set d = {" + Thousands + "} %}" + Loop("dict(d)") },
        { "dict of pairs", "{% set d = {" + Thousands + "} | items | list %}" + Loop("dict(d)") },
        { "namespace of a dictionary", "{% set d = {" + Thousands + "} %}" + Loop("namespace(d)") },
        { "dictsort", "{% set d = {" + Thousands + "} %}" + Loop("d | dictsort(by='value')") },
        { "dictionaries compared", "{% set d = {" + Thousands + "} %}{% set e = dict(d) %}" + Loop("d == e") },
        { "min by a long attribute", Loop("range(100000) | min(attribute='a.' * 100000)") },
        { "max by a long attribute", Loop("range(100000) | max(attribute='a' * 1000000)") },
        { "sort by an attribute", Loop("range(100000) | sort(attribute='a' * 100000)") },
        { "sort by an attribute of messages", "{% set l = range(100000) | map('string') | list %}" + Loop("l | sort") },
        { "unique by an attribute", Loop("range(100000) | unique(attribute='a.b.c' * 10000)") },
        { "unique of long texts", "{% set a = 'a' * 4000000 %}" + Loop("[a ~ 'b', a ~ 'c', a ~ 'd'] | unique | list") },
        { "unique of what equals nothing", "{{ ('nan,' * 200000).split(',') | map('float') | unique | list | length }}" },
        { "sum by an attribute", Loop("range(100000) | sum(attribute='a' * 100000)") },
        { "sum of lists", "{% set l = range(100000) | map('string') | map('list') | list %}" + Loop("l | sum(start=[])") },
        { "map by an attribute", Loop("range(100000) | map(attribute='a' * 100000) | list") },
        { "map to itself", Loop("range(100000) | map('string') | map('upper') | map('list') | list") },
        { "select with a long argument", "{% set l = range(100000) %}" + Loop("l | select('in', l) | list") },
        { "selectattr", "{% set l = range(100000) %}" + Loop("l | selectattr('a.b.c.d', 'undefined') | list") },
        { "tojson with a long indent", Loop("range(100000) | tojson(indent='x' * 1000000)") },
        { "tojson with a wide indent", "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, i] %}{% endfor %}{% set m = [n.l] %}{% for i in range(1000) %}{% set n.l = [n.l[0], n.l[1]] %}" + Print("n.l | tojson(indent=64)") + "{% endfor %}" },
        { "tojson with long separators", Loop("range(100000) | tojson(separators=('x' * 4000000, ':'))") },
        { "tojson with long separators of keys", Loop("{'a': 1, 'b': 2} | tojson(separators=(',', 'x' * 4000000))") },
        { "tojson escapes", "{% set t = '\u0001' * 4000000 %}" + Loop("t | tojson") },
        { "tojson sorted", "{% set d = {" + Thousands + "} %}" + Loop("d | tojson(sort_keys=true)") },
        { "a product", Loop("'ab' * 2000000") },
        { "replace", "{% set t = 'a' * 4000000 %}" + Loop("t.replace('a', 'b')") },
        { "replace of nothing", "{% set t = 'a' * 2000000 %}" + Loop("t | replace('', 'b')") },
        { "join", "{% set l = range(100000) %}" + Loop("l | join('-' * 30)") },
        { "join by an attribute", Loop("range(100000) | join('-', attribute='a' * 100000)") },
        { "join of one long text", "{% set t = 'a' * 400000 %}" + Loop("t.join('ab' * 100000)") },
        { "format", Loop("'%s' % ('a' * 4000000)") },
        { "indent", "{% set t = 'a\n' * 100000 %}" + Loop("t | indent('x' * 40)") },
        { "a slice of a text", "{% set t = 'a' * 4000000 %}" + Loop("t[1:]") },
        { "a slice of a text backward", "{% set t = 'a' * 400000 %}" + Loop("t[::-1]") },
        { "a slice of a list", "{% set l = range(100000) %}" + Loop("l[1:]") },
        { "an empty slice of a list", "{% set l = range(100000) %}" + Loop("l[:0:2]") },
        { "an item of a text", "{% set t = '😀' * 2000000 %}" + Loop("t[-1]") },
        { "reverse", "{% set l = range(100000) %}" + Loop("l | reverse") },
        { "list", "{% set t = 'a' * 400000 %}" + Loop("t | list") },
        { "lists added", "{% set l = range(100000) %}" + Loop("l + l") },
        { "lists compared", "{% set l = range(100000) %}{% set m = range(100000) %}" + Loop("l == m") },
        { "lists ordered", "{% set l = range(100000) %}{% set m = range(100000) %}" + Loop("l < m") },
        { "in a list", "{% set l = range(100000) %}" + Loop("-1 in l") },
        { "index of a list", "{% set l = range(100000) %}" + Loop("l.index(99999)") },
        { "count of a list", "{% set l = range(100000) %}" + Loop("l.count(99999)") },
        { "sum of a list", "{% set l = range(100000) %}" + Loop("l | sum") },
        { "length of a text", "{% set t = 'a' * 4000000 %}" + Loop("t | length") },
        { "print of a list", "{% set l = range(100000) %}" + Loop("l | string") },
        { "print of a list of texts", "{% set l = ['\n' * 1000000] %}" + Loop("l ~ ''") },
        { "split", "{% set t = 'a,' * 200000 %}" + Loop("t.split(',')") },
        { "rsplit", "{% set t = 'a,' * 200000 %}" + Loop("t.rsplit(',', 1)") },
        { "splitlines", "{% set t = 'a\n' * 200000 %}" + Loop("t.splitlines()") },
        { "title", "{% set t = 'a ' * 2000000 %}" + Loop("t | title") },
        { "upper", "{% set t = '\u00df' * 2000000 %}" + Loop("t | upper") },
        { "lower", "{% set t = 'A' * 4000000 %}" + Loop("t.lower()") },
        { "capitalize", "{% set t = 'A' * 4000000 %}" + Loop("t | capitalize") },
        { "trim", "{% set t = ' ' * 4000000 %}" + Loop("t | trim") },
        { "strip of many characters", "{% set t = 'a' * 4000000 %}{% set c = 'b' * 3999999 ~ 'a' %}" + Loop("t.strip(c)") },
        { "find", "{% set t = 'a' * 4000000 %}{% set c = 'a' * 2000000 ~ 'b' %}" + Loop("t.find(c)") },
        { "startswith of a long tuple", "{% set t = 'a' * 1000000 %}" + Loop("t.startswith((t, t, t, t, t ~ 'b'))") },
        { "wordcount", "{% set t = 'a ' * 2000000 %}" + Loop("t | wordcount") },
        { "int", "{% set t = '0' * 4000000 %}" + Loop("t | int") },
        { "isdigit", "{% set t = '0' * 4000000 %}" + Loop("t.isdigit()") },
        { "a key that is a long text", "{% set t = 'a' * 4000000 %}" + Loop("{t: 1}") },
        { "a lookup by a long text", "{% set t = 'a' * 4000000 %}{% set d = {t: 1} %}" + Loop("d[t ~ '']") },
        { "a message of an error", "{% set t = 'a' * 4000000 %}{{ raise_exception(t) }}" },
        { "a spread argument", "{% macro f() %}{% endmacro %}{% set l = range(100000) %}" + Loop("loop.cycle(*l)") },
        { "a macro that doubles", "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}" },
        { "macros that call each other through call", "{% macro f(n) %}{% call f(n) %}{{ caller() }}{% endcall %}{% endmacro %}{{ f(1) }}" },
        { "a condition of a loop", "{% for a in range(100000) %}{% for b in range(100000) if false %}{% endfor %}{% endfor %}" },
        { "blocks captured", "{% set t = 'a' * 4000000 %}{% for a in range(100000) %}{% set x %}{{ t }}{% endset %}{% endfor %}" },
        { "filters of blocks", "{% set t = 'a' * 1000000 %}{% for a in range(100000) %}{% filter upper %}{{ t }}{% endfilter %}{% endfor %}" },
        { "attributes of a namespace", "{% set n = namespace() %}{% for a in range(100000) %}{% set n.a = range(100000) | list %}{% endfor %}" },
        { "previous items", "{% for a in range(100000) %}{% for b in range(100) %}{% set x = [loop.previtem, loop.nextitem, loop.length] %}{% endfor %}{% endfor %}" },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public void What_an_attack_takes_is_bounded(string what, string source)
    {
        long start = Environment.TickCount64, before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            ChatTemplate.Parse(source).Render([]);
        }
        catch (TokenizationException e)
        {
            // Refused is as good as done; any other error is not.
            e.Message.Length.Should().BeLessThan(1500, what);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(MaxBytes, what);
        (Environment.TickCount64 - start).Should().BeLessThan(20_000, what);
    }

    [Fact]
    public void The_templates_of_a_file_share_a_budget()
    {
        StringBuilder file = new("{\"chat_template\":[");
        string template = string.Concat(Enumerable.Repeat("{{a}}", 200_000));
        for (int i = 0; i < 50; i++)
        {
            file.Append(CultureInfo.InvariantCulture, $"{(i > 0 ? "," : "")}{{\"name\":\"t{i}\",\"template\":\"{template}\"}}");
        }

        string folder = Directory.CreateTempSubdirectory("exo-template-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), file.Append("]}").ToString());
            Action load = () => ChatTemplate.Load(folder);
            load.Should().Throw<ModelFormatException>().WithMessage("*needs more than*").Which.File.Should().EndWith("tokenizer_config.json");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Deep_nesting_is_refused_when_a_template_is_read()
    {
        foreach (string source in (string[])[
            "{{ " + new string('(', 100_000) + " }}",
            "{{ " + new string('[', 100_000),
            "{{ " + string.Concat(Enumerable.Repeat("not ", 100_000)) + "x }}",
            "{{ " + new string('-', 100_000) + "1 }}",
            string.Concat(Enumerable.Repeat("{% if x %}", 10_000)),
            string.Concat(Enumerable.Repeat("{% if x %}{% elif y %}", 10_000))])
        {
            Action parse = () => ChatTemplate.Parse(source);
            parse.Should().Throw<ModelFormatException>();
        }
    }

    [Fact]
    public void A_hundred_thousand_branches_are_read_and_run_without_nesting()
    {
        string source = "{% if 0 %}" + string.Concat(Enumerable.Repeat("{%elif 0%}", 100_000)) + "{% else %}end{% endif %}";
        Text(ChatTemplate.Parse(source).Render([])).Should().Be("end");
        Action parse = () => ChatTemplate.Parse("{% if 0 %}" + string.Concat(Enumerable.Repeat("{%elif%}", 100_000)));
        parse.Should().Throw<ModelFormatException>().WithMessage("*expression is expected*");
    }

    public static TheoryData<string, string> Long => new()
    {
        { "adjacent strings", "{{ " + string.Concat(Enumerable.Repeat("'ab'", 200_000)) + " }}" },
        { "a dotted name", "{{ x | a" + string.Concat(Enumerable.Repeat(".b", 400_000)) + " }}" },
        { "a sum", "{{ " + string.Join(" + ", Enumerable.Repeat("1", 200_000)) + " }}" },
        { "filters", "{{ x" + string.Concat(Enumerable.Repeat("|d", 200_000)) + " }}" },
        { "attributes", "{{ x" + string.Concat(Enumerable.Repeat(".a", 400_000)) + " }}" },
        { "conditions", "{{ 1" + string.Concat(Enumerable.Repeat(" if 1", 200_000)) + " }}" },
        { "tests", "{{ 1" + string.Concat(Enumerable.Repeat(" is true", 100_000)) + " }}" },
    };

    [Theory]
    [MemberData(nameof(Long))]
    public void A_long_chain_is_read_in_linear_time_and_neither_read_nor_run_on_an_overflowing_stack(string what, string source)
    {
        long start = Environment.TickCount64;
        Action render = () => ChatTemplate.Parse(source).Render([]);
        try
        {
            render();
        }
        catch (ExoException)
        {
            // Refused is as good as done; a crash is not.
        }

        (Environment.TickCount64 - start).Should().BeLessThan(5_000, what);
    }

    // Again and again, the result thrown away.
    private static string Loop(string expression) => "{% for i in range(100000) %}" + Print(expression) + "{% endfor %}";

    private static string Print(string expression) => "{% set result = " + expression + " %}";

    private static string Text(IReadOnlyList<TextSegment> segments) => string.Concat(segments.Select(static s => s.Text));
}
