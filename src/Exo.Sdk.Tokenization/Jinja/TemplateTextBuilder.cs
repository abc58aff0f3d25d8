using System.Text;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>Puts a text together out of parts, each of its own origin, and spends for each before it is put there.</summary>
internal sealed class TemplateTextBuilder
{
    // Two objects, and the first characters that a text makes room for.
    private const int OwnBytes = 3 * TemplateBudget.ObjectBytes;

    private readonly TemplateBudget _budget;
    private readonly StringBuilder _text = new();

    // Null while all of the text is of one origin.
    private bool[]? _control;
    private bool _allControl = true;

    public TemplateTextBuilder(TemplateBudget budget)
    {
        budget.Allocate(OwnBytes);
        _budget = budget;
    }

    /// <summary>The length so far.</summary>
    public int Length => _text.Length;

    /// <summary>Appends a text.</summary>
    public void Append(TemplateText text) => Append(text, 0, text.Length);

    /// <summary>Appends a part of a text.</summary>
    public void Append(TemplateText text, int start, int length)
    {
        Reserve(length);
        if (length == 0)
        {
            return;
        }

        int at = _text.Length;
        if (text.Origin(start, length) is { } control)
        {
            Mark(at, length, control);
        }
        else
        {
            Mixed(at + length);
            text.CopyOrigin(start, _control.AsSpan(at, length));
        }

        _text.Append(text.Value, start, length);
    }

    /// <summary>Appends characters of the template.</summary>
    public void Append(ReadOnlySpan<char> control)
    {
        Reserve(control.Length);
        if (control.Length > 0)
        {
            Mark(_text.Length, control.Length, control: true);
            _text.Append(control);
        }
    }

    /// <summary>Appends a character of the template.</summary>
    public void Append(char control) => Append([control]);

    /// <summary>Appends a character of the template some times.</summary>
    public void Append(char control, int count)
    {
        Reserve(count);
        if (count > 0)
        {
            Mark(_text.Length, count, control: true);
            _text.Append(control, count);
        }
    }

    /// <summary>All of it.</summary>
    public TemplateText ToText()
    {
        _budget.SpendText(_text.Length);
        return _control is null ? TemplateText.Of(_text.ToString(), _allControl) : TemplateText.Of(_text.ToString(), _control.AsSpan(0, _text.Length).ToArray());
    }

    /// <summary>All of it as a text of one origin.</summary>
    public TemplateText ToText(bool isControl)
    {
        _budget.SpendText(_text.Length);
        return TemplateText.Of(_text.ToString(), isControl);
    }

    private void Reserve(int length)
    {
        TemplateBudget.CheckText((long)_text.Length + length);
        _budget.Spend(1 + (length / 8));
        _budget.Allocate(4L * length);
    }

    private void Mark(int at, int length, bool control)
    {
        if (at == 0)
        {
            _allControl = control;
        }

        if (_control is null && control == _allControl)
        {
            return;
        }

        Mixed(at + length);
        _control.AsSpan(at, length).Fill(control);
    }

    // Keeps the origin of each character from now on.
    [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(_control))]
    private void Mixed(int length)
    {
        if (_control is null)
        {
            _control = new bool[Math.Max(length, 64)];
            _control.AsSpan(0, _text.Length).Fill(_allControl);
        }
        else if (_control.Length < length)
        {
            Array.Resize(ref _control, Math.Max(length, 2 * _control.Length));
        }
    }
}
