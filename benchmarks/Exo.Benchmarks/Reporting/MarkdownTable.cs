using System.Text;

namespace Exo.Benchmarks.Reporting;

/// <summary>A table in Markdown with columns of even width.</summary>
internal sealed class MarkdownTable(params string[] header)
{
    private readonly List<string[]> _rows = [header];

    public void Add(params string[] cells) => _rows.Add(cells);

    public static string Of(IEnumerable<Figure> figures)
    {
        MarkdownTable table = new("Figure", "Value", "Unit", "Spread", "Target", "Met");
        foreach (Figure figure in figures)
        {
            table.Add(figure.Name, Figure.Digits(figure.Value), figure.Unit, figure.SpreadText, figure.TargetText, figure.MetText);
        }

        return table.ToString();
    }

    public override string ToString()
    {
        int[] widths = [.. Enumerable.Range(0, _rows[0].Length).Select(column => _rows.Max(row => row[column].Length))];
        StringBuilder text = new();
        for (int i = 0; i < _rows.Count; i++)
        {
            text.Append("| ").AppendJoin(" | ", _rows[i].Select((cell, column) => cell.PadRight(widths[column]))).Append(" |\n");
            if (i == 0)
            {
                text.Append("| ").AppendJoin(" | ", widths.Select(static width => new string('-', width))).Append(" |\n");
            }
        }

        return text.ToString();
    }
}
