namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>
/// A text that knows, character by character, whether it was written in the template (control) or came in with the
/// messages (foreign). Every operation keeps that; where it cannot be told any more, a text counts as foreign.
/// Immutable.
/// </summary>
internal sealed class TemplateText
{
    // Null where all of the text is of one origin.
    private readonly bool[]? _control;
    private readonly bool _allControl;

    private TemplateText(string text, bool[]? control, bool allControl)
    {
        Value = text;
        _control = control;
        _allControl = allControl;
    }

    /// <summary>The empty text.</summary>
    public static TemplateText Empty { get; } = Control("");

    /// <summary>The characters.</summary>
    public string Value { get; }

    /// <summary>The number of UTF-16 units.</summary>
    public int Length => Value.Length;

    /// <summary>Whether no character is foreign.</summary>
    public bool IsControl => _control is null ? _allControl : !_control.Contains(false);

    /// <summary>A text of the template.</summary>
    public static TemplateText Control(string text) => new(text, null, allControl: true);

    /// <summary>A text that came in with the messages.</summary>
    public static TemplateText Foreign(string text) => new(text, null, allControl: false);

    /// <summary>A text of one origin.</summary>
    public static TemplateText Of(string text, bool isControl) => new(text, null, isControl);

    /// <summary>A text with the origin of each character.</summary>
    public static TemplateText Of(string text, bool[] control) => new(text, control, allControl: false);

    /// <summary>Two texts one after the other.</summary>
    public static TemplateText Concat(TemplateText left, TemplateText right, TemplateBudget budget)
    {
        if (left.Length == 0 || right.Length == 0)
        {
            return left.Length == 0 ? right : left;
        }

        budget.SpendText((long)left.Length + right.Length);
        string text = string.Concat(left.Value, right.Value);
        if (left._control is null && right._control is null && left._allControl == right._allControl)
        {
            return new(text, null, left._allControl);
        }

        bool[] control = new bool[text.Length];
        left.CopyOrigin(0, control.AsSpan(0, left.Length));
        right.CopyOrigin(0, control.AsSpan(left.Length));
        return new(text, control, allControl: false);
    }

    /// <summary>Whether a part of the text is control; null where its characters may be of either origin.</summary>
    public bool? Origin(int start, int length) => _control is null ? _allControl : length == 1 ? _control[start] : null;

    /// <summary>Whether each character of a part is control.</summary>
    public void CopyOrigin(int start, Span<bool> control)
    {
        if (_control is null)
        {
            control.Fill(_allControl);
        }
        else
        {
            _control.AsSpan(start, control.Length).CopyTo(control);
        }
    }

    /// <summary>A part of the text.</summary>
    public TemplateText Slice(int start, int length, TemplateBudget budget)
    {
        if (start == 0 && length == Length)
        {
            return this;
        }

        budget.SpendText(length);
        return new(Value.Substring(start, length), _control?[start..(start + length)], _allControl);
    }

    /// <summary>The part between two positions.</summary>
    public TemplateText Range(int start, int end, TemplateBudget budget) => Slice(start, end - start, budget);

    /// <summary>The text rewritten. Where the length stays, so does the origin of each character.</summary>
    public TemplateText Map(Func<string, string> rewrite, TemplateBudget budget)
    {
        // A letter may become two or three; upper case goes over the text twice.
        budget.SpendText(Length);
        budget.Allocate(6L * Length);
        string text = rewrite(Value);
        budget.SpendText(text.Length);
        return _control is null ? new(text, null, _allControl)
            : text.Length == Length ? new(text, _control, _allControl)
            : Foreign(text);
    }

    /// <summary>Replaces the first <paramref name="count"/> occurrences (all where negative); the new text keeps its own origin.</summary>
    public TemplateText Replace(string old, TemplateText replacement, long count, TemplateBudget budget)
    {
        budget.SpendSearch(Length, old.Length);
        TemplateTextBuilder result = new(budget);
        int at = 0;
        while (count != 0)
        {
            int next = at <= Length ? Value.IndexOf(old, at, StringComparison.Ordinal) : -1;
            if (next < 0)
            {
                break;
            }

            // As in Python, an empty text is found before every character and at the end.
            result.Append(this, at, next - at);
            result.Append(replacement);
            at = next + old.Length;
            if (old.Length == 0)
            {
                if (at < Length)
                {
                    result.Append(this, at, 1);
                }

                at++;
            }

            count--;
        }

        if (at == 0)
        {
            return this;
        }

        if (at < Length)
        {
            result.Append(this, at, Length - at);
        }

        return result.ToText();
    }

    /// <summary>The text without the given characters, or white space, at its ends.</summary>
    public TemplateText Trim(string? characters, bool left, bool right, TemplateBudget budget)
    {
        budget.SpendSearch(Length, characters?.Length ?? 1);
        int start = 0, end = Length;
        while (left && start < end && Trims(Value[start], characters))
        {
            start++;
        }

        while (right && end > start && Trims(Value[end - 1], characters))
        {
            end--;
        }

        return Range(start, end, budget);
    }

    /// <summary>The runs of one origin.</summary>
    public IEnumerable<TextSegment> Runs(TemplateBudget budget)
    {
        if (_control is null)
        {
            if (Length > 0)
            {
                yield return new(Value, _allControl);
            }

            yield break;
        }

        for (int at = 0; at < Length;)
        {
            int end = at + 1;
            while (end < Length && _control[end] == _control[at])
            {
                end++;
            }

            budget.SpendText(end - at);
            yield return new(Value[at..end], _control[at]);
            at = end;
        }
    }

    /// <summary>White space as Python sees it.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1C' and <= '\x1F';

    private static bool Trims(char c, string? characters) => characters?.Contains(c, StringComparison.Ordinal) ?? IsSpace(c);
}
