using System.Runtime.CompilerServices;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>
/// What reading a template, or one rendering of it, may cost: steps, bytes and depth. A template comes with a model and
/// is not trusted, so lexer, parser and every operation of the interpreter spend from the one budget they are given,
/// before they do the work. All bytes ever made count, not only those in use: what is in use is never more.
/// </summary>
internal sealed class TemplateBudget
{
    /// <summary>The longest text, in UTF-16 units; the output included.</summary>
    public const int MaxText = 4 * 1024 * 1024;

    /// <summary>The most parts that a value may have, counted as often as they can be reached.</summary>
    public const int MaxParts = 2_000_000;

    /// <summary>The deepest nesting of lists and dictionaries.</summary>
    public const int MaxNesting = 64;

    /// <summary>The most items that a function may make out of nothing.</summary>
    public const int MaxRange = 100_000;

    /// <summary>The most steps; one is some tens of processor cycles.</summary>
    public const long MaxSteps = 50_000_000;

    /// <summary>The most bytes of memory.</summary>
    public const long MaxBytes = 512L * 1024 * 1024;

    /// <summary>The depth of one call of a macro, block or bracket: these call several methods of ours on the way down.</summary>
    public const int CallDepth = 20;

    private const int MaxDepth = 2_000;

    // What a small value, or an entry of a syntax tree, takes on the average.
    private const int SmallBytes = 32;

    private int _depth;

    /// <summary>The steps spent so far.</summary>
    public long Steps { get; private set; }

    /// <summary>The bytes spent so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>Spends one step and a small value.</summary>
    public void Step()
    {
        Spend(1);
        Allocate(SmallBytes);
    }

    /// <summary>Spends steps.</summary>
    public void Spend(long steps)
    {
        Steps += steps;
        if (Steps > MaxSteps)
        {
            throw new TemplateError($"the template needs more than {MaxSteps} steps");
        }
    }

    /// <summary>Spends memory.</summary>
    public void Allocate(long bytes)
    {
        Bytes += bytes;
        if (Bytes > MaxBytes)
        {
            throw new TemplateError($"the template needs more than {MaxBytes} bytes");
        }
    }

    /// <summary>Spends a step and some bytes for each item of a list that is about to be made.</summary>
    public void SpendItems(long count, int bytesEach)
    {
        Spend(1 + count);
        Allocate(ObjectBytes + (count * bytesEach));
    }

    /// <summary>Spends what a text of a length costs that is about to be made.</summary>
    public void SpendText(long length)
    {
        CheckText(length);
        Spend(1 + (length / 8));
        Allocate(TextBytes(length));
    }

    /// <summary>Spends the look for one text in another, which may compare each place with all of it.</summary>
    public void SpendSearch(long length, long part) => Spend(1 + (length / 8) + (length * part / 1024));

    /// <summary>Goes down, to where <see cref="Leave"/> comes back from; an error need not come back.</summary>
    public void Enter(int levels = 1)
    {
        _depth += levels;
        if (_depth > MaxDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateError("the template is nested too deep");
        }
    }

    /// <summary>Comes back up.</summary>
    public void Leave(int levels = 1) => _depth -= levels;

    /// <summary>Refuses a text that is too long.</summary>
    public static void CheckText(long length)
    {
        if (length > MaxText)
        {
            throw new TemplateError($"a text grows beyond {MaxText} characters");
        }
    }

    /// <summary>The memory of a text: its characters, their origin, and the objects around them.</summary>
    public static long TextBytes(long length) => (2 * ObjectBytes) + (3 * length);

    /// <summary>The memory of an object with a few fields.</summary>
    public const int ObjectBytes = 64;
}
