using System.Runtime.CompilerServices;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>What one rendering may cost. A template comes with a model and is not trusted.</summary>
internal sealed class TemplateLimits
{
    /// <summary>The longest text, in UTF-16 units; the output included.</summary>
    public const int MaxText = 4 * 1024 * 1024;

    /// <summary>The most parts that a value may have, counted as often as they can be reached.</summary>
    public const int MaxParts = 2_000_000;

    /// <summary>The deepest nesting of lists and dictionaries.</summary>
    public const int MaxNesting = 64;

    /// <summary>The most items that a function may make out of nothing.</summary>
    public const int MaxRange = 100_000;

    private const int MaxCalls = 100;
    private const long MaxWork = 50_000_000;

    private long _work;
    private int _calls;

    /// <summary>Accounts for work: one for an expression, and one for each 8 characters that are made.</summary>
    public void Spend(long work)
    {
        _work += work;
        if (_work > MaxWork)
        {
            throw new TemplateError($"the template needs more than {MaxWork} steps");
        }

        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateError("the template is nested too deep");
        }
    }

    /// <summary>Accounts for a text before it is made.</summary>
    public void SpendText(long length)
    {
        if (length > MaxText)
        {
            throw new TemplateError($"a text grows beyond {MaxText} characters");
        }

        Spend(1 + (length / 8));
    }

    /// <summary>Accounts for looking for one text in another, which may compare each place with all of it.</summary>
    public void SpendSearch(long length, long part) => Spend(1 + (length / 8) + (length * part / 1024));

    /// <summary>Enters a macro.</summary>
    public void Enter()
    {
        if (++_calls > MaxCalls)
        {
            throw new TemplateError($"macros call each other more than {MaxCalls} deep");
        }
    }

    /// <summary>Leaves a macro.</summary>
    public void Leave() => _calls--;
}
