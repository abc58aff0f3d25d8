namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>Gathers text up to the bound.</summary>
internal sealed class TemplateOutput(TemplateLimits limits)
{
    private readonly List<TemplateText> _parts = [];
    private long _length;

    /// <summary>Adds a text.</summary>
    public void Write(TemplateText text)
    {
        _length += text.Length;
        if (_length > TemplateLimits.MaxText)
        {
            throw new TemplateError($"the text grows beyond {TemplateLimits.MaxText} characters");
        }

        _parts.Add(text);
    }

    /// <summary>All of it.</summary>
    public TemplateText ToText()
    {
        limits.SpendText(_length);
        return TemplateText.Concat(_parts);
    }
}
