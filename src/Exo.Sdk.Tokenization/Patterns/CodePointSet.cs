using System.Globalization;
using System.Text;

namespace Exo.Sdk.Tokenization.Patterns;

/// <summary>A set of Unicode code points. Immutable; answers for ASCII come from a bitmap.</summary>
internal sealed class CodePointSet
{
    // Folds to 's', though .NET's invariant case mapping leaves it alone.
    private const int LongS = 0x17F;

    private readonly Func<int, bool> _test;
    private readonly ulong _ascii0;
    private readonly ulong _ascii1;

    private CodePointSet(Func<int, bool> test)
    {
        _test = test;
        for (int c = 0; c < 64; c++)
        {
            _ascii0 |= test(c) ? 1UL << c : 0;
            _ascii1 |= test(c + 64) ? 1UL << c : 0;
        }
    }

    /// <summary>Every code point.</summary>
    public static CodePointSet Any { get; } = new(static _ => true);

    /// <summary>Unicode White_Space, as <c>\s</c>.</summary>
    public static CodePointSet Space { get; } = Of("Z").Or(Range('\t', '\r')).Or(Range(0x85, 0x85));

    /// <summary>Decimal digits, as <c>\d</c>.</summary>
    public static CodePointSet Digit { get; } = Of("Nd");

    /// <summary>
    /// Word characters, as <c>\w</c>: Alphabetic, marks, decimal digits and connectors. Alphabetic is letters,
    /// letter numbers and, outside the marks, only the circled and squared Latin letters (Unicode, Other_Alphabetic).
    /// </summary>
    public static CodePointSet Word { get; } = Of("L").Or(Of("M")).Or(Of("Nd")).Or(Of("Nl")).Or(Of("Pc"))
        .Or(Range(0x24B6, 0x24E9)).Or(Range(0x1F130, 0x1F149)).Or(Range(0x1F150, 0x1F169)).Or(Range(0x1F170, 0x1F189));

    /// <summary>The set of one closed range.</summary>
    public static CodePointSet Range(int first, int last) => new(c => c >= first && c <= last);

    /// <summary>The set of one code point.</summary>
    public static CodePointSet Single(int codePoint) => Range(codePoint, codePoint);

    /// <summary>The code points of a general category or a group of them, by its short name ("Lu", "L").</summary>
    /// <param name="category">One of the names of <see cref="TryMask"/>.</param>
    public static CodePointSet Of(string category) =>
        TryMask(category) is { } mask ? Categories(mask) : throw new ArgumentException(category, nameof(category));

    /// <summary>The code points whose general category has its bit set in <paramref name="mask"/>.</summary>
    public static CodePointSet Categories(uint mask) =>
        new(c => (mask >> (int)CharUnicodeInfo.GetUnicodeCategory(c) & 1) != 0);

    /// <summary>Whether the set holds <paramref name="codePoint"/>.</summary>
    public bool Contains(int codePoint) => codePoint < 64
        ? (_ascii0 >> codePoint & 1) != 0
        : codePoint < 128 ? (_ascii1 >> (codePoint - 64) & 1) != 0 : _test(codePoint);

    /// <summary>The union.</summary>
    public CodePointSet Or(CodePointSet other) => new(c => Contains(c) || other.Contains(c));

    /// <summary>The intersection.</summary>
    public CodePointSet And(CodePointSet other) => new(c => Contains(c) && other.Contains(c));

    /// <summary>The complement.</summary>
    public CodePointSet Not() => new(c => !Contains(c));

    /// <summary>The set with every member's simple case variants added.</summary>
    public CodePointSet IgnoringCase() => new(c =>
    {
        if (Contains(c))
        {
            return true;
        }

        // A surrogate never reaches a set: texts are made well formed first.
        Rune rune = new(c);
        Rune lower = Rune.ToLowerInvariant(rune), upper = Rune.ToUpperInvariant(rune);
        return Contains(lower.Value) || Contains(upper.Value) || Contains(Rune.ToLowerInvariant(upper).Value)
            || Contains(Rune.ToUpperInvariant(lower).Value) || (c is 's' or 'S' && Contains(LongS))
            || (c == LongS && (Contains('s') || Contains('S')));
    });

    /// <summary>The category bits behind a short or long general category name, or null when it is none.</summary>
    public static uint? TryMask(string name) => name switch
    {
        "L" or "Letter" => Bits(0, 1, 2, 3, 4),
        "Lu" or "Uppercase_Letter" => Bits(0),
        "Ll" or "Lowercase_Letter" => Bits(1),
        "Lt" or "Titlecase_Letter" => Bits(2),
        "Lm" or "Modifier_Letter" => Bits(3),
        "Lo" or "Other_Letter" => Bits(4),
        "LC" or "Cased_Letter" => Bits(0, 1, 2),
        "M" or "Mark" => Bits(5, 6, 7),
        "Mn" or "Nonspacing_Mark" => Bits(5),
        "Mc" or "Spacing_Mark" => Bits(6),
        "Me" or "Enclosing_Mark" => Bits(7),
        "N" or "Number" => Bits(8, 9, 10),
        "Nd" or "Decimal_Number" => Bits(8),
        "Nl" or "Letter_Number" => Bits(9),
        "No" or "Other_Number" => Bits(10),
        "Z" or "Separator" => Bits(11, 12, 13),
        "Zs" or "Space_Separator" => Bits(11),
        "Zl" or "Line_Separator" => Bits(12),
        "Zp" or "Paragraph_Separator" => Bits(13),
        "C" or "Other" => Bits(14, 15, 16, 17, 29),
        "Cc" or "Control" => Bits(14),
        "Cf" or "Format" => Bits(15),
        "Cs" or "Surrogate" => Bits(16),
        "Co" or "Private_Use" => Bits(17),
        "Cn" or "Unassigned" => Bits(29),
        "P" or "Punctuation" => Bits(18, 19, 20, 21, 22, 23, 24),
        "Pc" or "Connector_Punctuation" => Bits(18),
        "Pd" or "Dash_Punctuation" => Bits(19),
        "Ps" or "Open_Punctuation" => Bits(20),
        "Pe" or "Close_Punctuation" => Bits(21),
        "Pi" or "Initial_Punctuation" => Bits(22),
        "Pf" or "Final_Punctuation" => Bits(23),
        "Po" or "Other_Punctuation" => Bits(24),
        "S" or "Symbol" => Bits(25, 26, 27, 28),
        "Sm" or "Math_Symbol" => Bits(25),
        "Sc" or "Currency_Symbol" => Bits(26),
        "Sk" or "Modifier_Symbol" => Bits(27),
        "So" or "Other_Symbol" => Bits(28),
        _ => null,
    };

    // Numbers of System.Globalization.UnicodeCategory.
    private static uint Bits(params ReadOnlySpan<int> categories)
    {
        uint mask = 0;
        foreach (int category in categories)
        {
            mask |= 1u << category;
        }

        return mask;
    }
}
