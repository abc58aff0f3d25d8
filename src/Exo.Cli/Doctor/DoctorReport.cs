using System.Text;
using System.Text.Json;

namespace Exo.Cli.Doctor;

/// <summary>Whether something can be used.</summary>
internal enum Verdict
{
    /// <summary>Yes.</summary>
    Usable,

    /// <summary>Yes, but not for everything.</summary>
    Limited,

    /// <summary>No.</summary>
    Unusable,
}

/// <summary>What was found out about one backend or transport.</summary>
/// <param name="Subject">Its name.</param>
/// <param name="Verdict">Whether it can be used here.</param>
/// <param name="Reasons">Why, most important first.</param>
/// <param name="Steps">What to do about it, in order; empty where nothing need or can be done.</param>
internal sealed record Finding(string Subject, Verdict Verdict, IReadOnlyList<string> Reasons, IReadOnlyList<string> Steps);

/// <summary>A diagnosis.</summary>
/// <param name="Machine">The machine in a few words.</param>
/// <param name="Backends">The compute backends.</param>
/// <param name="Transports">The transports.</param>
internal sealed record DoctorReport(string Machine, IReadOnlyList<Finding> Backends, IReadOnlyList<Finding> Transports)
{
    /// <summary>The report for people.</summary>
    public string ToText()
    {
        StringBuilder text = new();
        text.Append(Machine).Append('\n');
        Append(text, "Compute backends", Backends);
        Append(text, "Transports", Transports);
        return text.ToString();
    }

    /// <summary>The report for programs.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, DoctorJson.Default.DoctorReport) + "\n";

    private static void Append(StringBuilder text, string title, IReadOnlyList<Finding> findings)
    {
        text.Append('\n').Append(title).Append('\n');
        foreach (Finding finding in findings)
        {
            string verdict = finding.Verdict switch
            {
                Verdict.Usable => "yes",
                Verdict.Limited => "partly",
                _ => "no",
            };
            text.Append("  ").Append(finding.Subject.PadRight(14)).Append(verdict.PadRight(8));
            text.Append(string.Join("\n" + new string(' ', 24), finding.Reasons)).Append('\n');
            for (int i = 0; i < finding.Steps.Count; i++)
            {
                text.Append(' ', 24).Append("-> ").Append(finding.Steps[i]).Append('\n');
            }
        }
    }
}
