using System.Text;

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

    /// <summary>The texts one after the other.</summary>
    public static TemplateText Concat(params IReadOnlyList<TemplateText> parts)
    {
        int length = 0;
        bool allControl = true, allForeign = true;
        foreach (TemplateText part in parts)
        {
            if (part.Length > 0)
            {
                length += part.Length;
                allControl &= part._control is null && part._allControl;
                allForeign &= part._control is null && !part._allControl;
            }
        }

        StringBuilder text = new(length);
        foreach (TemplateText part in parts)
        {
            text.Append(part.Value);
        }

        if (allControl || allForeign)
        {
            return new(text.ToString(), null, allControl);
        }

        bool[] control = new bool[length];
        int at = 0;
        foreach (TemplateText part in parts)
        {
            Span<bool> target = control.AsSpan(at, part.Length);
            if (part._control is { } mixed)
            {
                mixed.CopyTo(target);
            }
            else
            {
                target.Fill(part._allControl);
            }

            at += part.Length;
        }

        return new(text.ToString(), control, allControl: false);
    }

    /// <summary>A part of the text.</summary>
    public TemplateText Slice(int start, int length) => start == 0 && length == Length
        ? this
        : new(Value.Substring(start, length), _control?[start..(start + length)], _allControl);

    /// <summary>The part between two positions.</summary>
    public TemplateText Range(int start, int end) => Slice(start, end - start);

    /// <summary>The text rewritten. Where the length stays, so does the origin of each character.</summary>
    public TemplateText Map(Func<string, string> rewrite)
    {
        string text = rewrite(Value);
        return _control is null ? new(text, null, _allControl)
            : text.Length == Length ? new(text, _control, _allControl)
            : Foreign(text);
    }

    /// <summary>Replaces the first <paramref name="count"/> occurrences (all where negative); the new text keeps its own origin.</summary>
    public TemplateText Replace(string old, TemplateText replacement, int count)
    {
        List<TemplateText> parts = [];
        int at = 0;
        while (count != 0)
        {
            int next = at <= Length ? Value.IndexOf(old, at, StringComparison.Ordinal) : -1;
            if (next < 0)
            {
                break;
            }

            // As in Python, an empty text is found before every character and at the end.
            if (old.Length == 0)
            {
                parts.Add(replacement);
                if (at < Length)
                {
                    parts.Add(Slice(at, 1));
                }

                at++;
            }
            else
            {
                parts.Add(Range(at, next));
                parts.Add(replacement);
                at = next + old.Length;
            }

            count--;
        }

        if (at < Length)
        {
            parts.Add(Range(at, Length));
        }

        return Concat(parts);
    }

    /// <summary>The text without the given characters, or white space, at its ends.</summary>
    public TemplateText Trim(string? characters = null, bool left = true, bool right = true)
    {
        int start = 0, end = Length;
        while (left && start < end && Trims(Value[start], characters))
        {
            start++;
        }

        while (right && end > start && Trims(Value[end - 1], characters))
        {
            end--;
        }

        return Range(start, end);
    }

    /// <summary>The runs of one origin.</summary>
    public IEnumerable<TextSegment> Runs()
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

            yield return new(Value[at..end], _control[at]);
            at = end;
        }
    }

    /// <summary>White space as Python sees it.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1C' and <= '\x1F';

    private static bool Trims(char c, string? characters) => characters?.Contains(c, StringComparison.Ordinal) ?? IsSpace(c);
}
