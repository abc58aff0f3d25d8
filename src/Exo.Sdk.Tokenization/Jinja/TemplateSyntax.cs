namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>An expression of a template.</summary>
internal abstract record TemplateExpression
{
    /// <summary>A value as written.</summary>
    public sealed record Literal(TemplateValue Value) : TemplateExpression;

    /// <summary>A variable.</summary>
    public sealed record Name(string Identifier) : TemplateExpression;

    /// <summary>A list or a tuple.</summary>
    public sealed record List(IReadOnlyList<TemplateExpression> Items, bool IsTuple) : TemplateExpression;

    /// <summary>A dictionary.</summary>
    public sealed record Map(IReadOnlyList<(TemplateExpression Key, TemplateExpression Value)> Entries) : TemplateExpression;

    /// <summary><c>a.b</c>.</summary>
    public sealed record Attribute(TemplateExpression Target, string Member) : TemplateExpression;

    /// <summary><c>a[b]</c>.</summary>
    public sealed record Index(TemplateExpression Target, TemplateExpression Key) : TemplateExpression;

    /// <summary><c>a[start:stop:step]</c>.</summary>
    public sealed record Slice(TemplateExpression Target, TemplateExpression? Start, TemplateExpression? Stop, TemplateExpression? Step) : TemplateExpression;

    /// <summary><c>f(…)</c>.</summary>
    public sealed record Call(TemplateExpression Target, CallArguments Arguments) : TemplateExpression;

    /// <summary><c>*a</c> among arguments.</summary>
    public sealed record Spread(TemplateExpression Items) : TemplateExpression;

    /// <summary><c>a | f(…)</c>.</summary>
    public sealed record Filter(TemplateExpression Target, string Function, CallArguments Arguments) : TemplateExpression;

    /// <summary><c>a is t(…)</c>.</summary>
    public sealed record Test(TemplateExpression Target, string Condition, CallArguments Arguments, bool Negated) : TemplateExpression;

    /// <summary><c>not</c>, <c>-</c> or <c>+</c>.</summary>
    public sealed record Unary(string Operator, TemplateExpression Operand) : TemplateExpression;

    /// <summary>Two operands, <c>and</c> and <c>or</c> included.</summary>
    public sealed record Binary(string Operator, TemplateExpression Left, TemplateExpression Right) : TemplateExpression;

    /// <summary><c>a &lt; b &lt; c</c>.</summary>
    public sealed record Compare(TemplateExpression First, IReadOnlyList<(string Operator, TemplateExpression Operand)> Rest) : TemplateExpression;

    /// <summary><c>a if b else c</c>.</summary>
    public sealed record Conditional(TemplateExpression Condition, TemplateExpression Then, TemplateExpression? Otherwise) : TemplateExpression;
}

/// <summary>The arguments of a call as written.</summary>
internal sealed record CallArguments(IReadOnlyList<TemplateExpression> Positional, IReadOnlyList<(string Name, TemplateExpression Value)> Named)
{
    public static CallArguments None { get; } = new([], []);
}

/// <summary>A statement of a template.</summary>
/// <param name="Line">Where it starts, from 1.</param>
internal abstract record TemplateStatement(int Line)
{
    /// <summary>Text that stands for itself.</summary>
    public sealed record Data(int Line, string Text) : TemplateStatement(Line);

    /// <summary><c>{{ … }}</c>.</summary>
    public sealed record Print(int Line, TemplateExpression Value) : TemplateStatement(Line);

    /// <summary><c>{% if %}</c> with every <c>{% elif %}</c>, in their order: side by side, so that no number of them nests.</summary>
    public sealed record If(
        int Line, IReadOnlyList<(TemplateExpression Condition, IReadOnlyList<TemplateStatement> Then)> Branches, IReadOnlyList<TemplateStatement> Otherwise)
        : TemplateStatement(Line);

    /// <summary><c>{% for %}</c>.</summary>
    public sealed record For(
        int Line,
        IReadOnlyList<string> Targets,
        TemplateExpression Source,
        TemplateExpression? Condition,
        IReadOnlyList<TemplateStatement> Body,
        IReadOnlyList<TemplateStatement> Otherwise) : TemplateStatement(Line);

    /// <summary><c>{% set a = … %}</c>, <c>{% set ns.a = … %}</c>, <c>{% set a, b = … %}</c>.</summary>
    public sealed record Set(int Line, IReadOnlyList<string> Targets, string? Member, TemplateExpression Value) : TemplateStatement(Line);

    /// <summary><c>{% set a %} … {% endset %}</c>.</summary>
    public sealed record SetBlock(int Line, string Target, string? Member, TemplateExpression? Filters, IReadOnlyList<TemplateStatement> Body)
        : TemplateStatement(Line);

    /// <summary><c>{% macro %}</c>.</summary>
    public sealed record Macro(int Line, string Name, IReadOnlyList<(string Name, TemplateExpression? Default)> Parameters, IReadOnlyList<TemplateStatement> Body)
        : TemplateStatement(Line)
    {
        private readonly HashSet<string> _names = [.. Parameters.Select(static p => p.Name)];

        /// <summary>Whether it has a parameter of a name.</summary>
        public bool Takes(string name) => _names.Contains(name);
    }

    /// <summary><c>{% call(a) macro() %}</c>: a macro that is given its body as the function <c>caller</c>.</summary>
    public sealed record CallBlock(int Line, Macro Caller, TemplateExpression.Call Call) : TemplateStatement(Line);

    /// <summary><c>{% filter %}</c>.</summary>
    public sealed record FilterBlock(int Line, TemplateExpression Filters, IReadOnlyList<TemplateStatement> Body) : TemplateStatement(Line);

    /// <summary><c>{% generation %}</c>, which only marks its body.</summary>
    public sealed record Group(int Line, IReadOnlyList<TemplateStatement> Body) : TemplateStatement(Line);

    /// <summary><c>{% break %}</c>.</summary>
    public sealed record Break(int Line) : TemplateStatement(Line);

    /// <summary><c>{% continue %}</c>.</summary>
    public sealed record Continue(int Line) : TemplateStatement(Line);
}
