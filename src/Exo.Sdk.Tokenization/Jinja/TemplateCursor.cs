using Exo.Sdk.Input;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>A place in a list of tokens.</summary>
internal sealed class TemplateCursor(List<TemplateToken> tokens, TemplateBudget budget)
{
    // What of the syntax tree a token becomes, on the average.
    private const int NodeBytes = 96;

    // A number too large may have a million digits.
    private const int MaxMessage = 400;

    private int _at;

    /// <summary>The token here.</summary>
    public TemplateToken Current => tokens[_at];

    /// <summary>The kind of the token here.</summary>
    public TemplateTokenKind Kind => Current.Kind;

    /// <summary>A token further on; the end where there are no more.</summary>
    public TemplateToken Peek(int distance) => tokens[Math.Min(_at + distance, tokens.Count - 1)];

    /// <summary>Steps over the token here.</summary>
    public TemplateToken Next()
    {
        budget.Spend(1);
        budget.Allocate(NodeBytes);
        return tokens[_at < tokens.Count - 1 ? _at++ : _at];
    }

    /// <summary>Goes down into a bracket or a block; what is nested too deep is refused.</summary>
    public void Enter()
    {
        try
        {
            budget.Enter(TemplateBudget.CallDepth);
        }
        catch (TemplateError e)
        {
            throw Fail(e.Message);
        }
    }

    /// <summary>Comes back up.</summary>
    public void Leave() => budget.Leave(TemplateBudget.CallDepth);

    /// <summary>Whether the token here is the given word or operator.</summary>
    public bool Is(string text) => Kind is TemplateTokenKind.Name or TemplateTokenKind.Operator && Current.Text == text;

    /// <summary>Steps over the token here if it is the given word or operator.</summary>
    public bool TryTake(string text)
    {
        if (!Is(text))
        {
            return false;
        }

        Next();
        return true;
    }

    /// <summary>Steps over a token of the given kind and gives its text.</summary>
    public string Take(TemplateTokenKind kind, string what) => Kind == kind ? Next().Text : throw Fail($"{what} is expected");

    /// <summary>The error to throw about this place.</summary>
    public FormatException Fail(string what) =>
        new($"{HostileText.Shorten(what, MaxMessage)} in line {Current.Line}{(Current.Text.Length is > 0 and < 40 ? $", at {HostileText.Quote(Current.Text)}" : "")}");
}
