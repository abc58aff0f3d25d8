namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The filters that make or measure texts.</summary>
internal static class TemplateTextFilters
{
    /// <summary>Adds them.</summary>
    public static void AddTo(TemplateOperations all)
    {
        all.Glance(static (v, _, b) => new TextValue(TemplateOperators.ToText(v, b)), "string");
        all.Walk(static (v, a, b) => new TextValue(Text(v, b).Trim(a.OptionalText(0, "chars")?.Value, left: true, right: true, b)), "trim");
        all.Walk(static (v, _, b) => new TextValue(Text(v, b).Map(TemplateMethods.Upper, b)), "upper");
        all.Walk(static (v, _, b) => new TextValue(Text(v, b).Map(Unicode.LetterCase.Lower, b)), "lower");
        all.Walk(static (v, _, b) => new TextValue(Text(v, b).Map(TemplateMethods.Capitalize, b)), "capitalize");
        all.Walk(static (v, _, b) => new TextValue(Text(v, b).Map(TemplateMethods.Title, b)), "title");
        all.Walk(static (v, a, b) => new TextValue(Text(v, b).Replace(a.Text(0, "old").Value, a.Text(1, "new"), a.Int(2, "count", -1), b)), "replace");
        all.Walk(static (v, a, b) => Indent(Text(v, b), a, b), "indent");
        all.Walk(static (v, a, b) => Join(Mapped(v, a.Find(1, "attribute"), b), a.OptionalText(0, "d") ?? TemplateText.Empty, b), "join");
        all.Walk(static (v, _, b) => new IntValue(Words(Text(v, b).Value)), "wordcount");
        all.Walk(static (v, a, b) => TemplateJson.Write(v, a, b), "tojson");
    }

    /// <summary>The items of a value with a text between them.</summary>
    public static TextValue Join(TemplateValue value, TemplateText separator, TemplateBudget budget)
    {
        TemplateTextBuilder joined = new(budget);
        bool isFirst = true;
        foreach (TemplateValue item in TemplateOperators.Items(value, budget))
        {
            if (!isFirst)
            {
                joined.Append(separator);
            }

            joined.Append(TemplateOperators.ToText(item, budget));
            isFirst = false;
        }

        return new(joined.ToText());
    }

    private static TemplateText Text(TemplateValue value, TemplateBudget budget) => TemplateOperators.ToText(value, budget);

    private static TemplateValue Mapped(TemplateValue value, TemplateValue? attribute, TemplateBudget budget)
    {
        AttributePath path = AttributePath.Of(attribute, budget);
        return path.IsEmpty ? value : new ListValue(path.Of(TemplateOperators.Items(value, budget), budget));
    }

    private static TextValue Indent(TemplateText text, TemplateArguments a, TemplateBudget budget)
    {
        TemplateText indent = a.Find(0, "width") is TextValue given ? given.Text
            : TemplateText.Control(new string(' ', (int)Math.Clamp(a.Int(0, "width", 4), 0, 1024)));
        bool first = a.IsTrue(1, "first"), blank = a.IsTrue(2, "blank");
        TemplateTextBuilder indented = new(budget);
        int at = 0;
        for (bool isFirst = true; ; isFirst = false)
        {
            int end = text.Value.IndexOf('\n', at);
            int stop = end < 0 ? text.Length : end + 1;
            bool isBlank = stop - at == (end < 0 ? 0 : 1);
            if (isFirst ? first : blank || !isBlank)
            {
                indented.Append(indent);
            }

            indented.Append(text, at, stop - at);
            if (end < 0)
            {
                return new(indented.ToText());
            }

            at = stop;
        }
    }

    private static int Words(string text)
    {
        int words = 0;
        bool isInWord = false;
        foreach (char c in text)
        {
            bool isSpace = char.IsWhiteSpace(c);
            words += !isSpace && !isInWord ? 1 : 0;
            isInWord = !isSpace;
        }

        return words;
    }
}
