namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>Facts of one kind: a table of rows, ways to ask for a row's last column, and a way to say it.</summary>
/// <remarks>
/// Held out of training are whole wordings: the facts themselves are learnt, and asked for in words that were never used for them.
/// </remarks>
/// <param name="kind">The name under which accuracy is reported.</param>
/// <param name="rows">Comma-separated columns, rows separated by a semicolon; the templates call the columns {0}, {1}, … {a0} is the first with its article, {c0} with a capital letter.</param>
/// <param name="answer">How the fact is said.</param>
/// <param name="key">The column that an answer must contain.</param>
/// <param name="training">Wordings for training.</param>
/// <param name="heldOut">Wordings for the test only.</param>
internal sealed class FactTopic(string kind, string rows, string answer, int key, string[] training, string[] heldOut) : ITopic
{
    private readonly Dictionary<string, string>[] _rows = [.. rows
        .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Select(row => row.Split(',', StringSplitOptions.TrimEntries))
        .Select(columns => columns.SelectMany((text, i) => new[] { (Name: $"{i}", Text: text), (Name: $"a{i}", Text: English.A(text)), (Name: $"c{i}", Text: English.Capital(text)) })
            .ToDictionary(slot => slot.Name, slot => slot.Text))];

    public string Kind => kind;

    /// <summary>How many facts the topic knows; topics are asked in proportion to it.</summary>
    public int Count => _rows.Length;

    public Exchange Ask(Dice dice, Split split)
    {
        var row = dice.Pick(_rows);
        var said = row[$"{key}"];
        return new(
            dice.Expand(dice.Pick(split == Split.Training ? training : heldOut), row),
            English.Capital(dice.Expand(answer, row)),
            English.Capital(said) + ".",
            said);
    }

    public (string Lead, string Claim)? State(Dice dice) => ("", English.Capital(dice.Expand(answer, dice.Pick(_rows))));
}
