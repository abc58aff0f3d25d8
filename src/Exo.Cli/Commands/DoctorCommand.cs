using System.CommandLine;
using Exo.Cli.Doctor;
using Exo.Cli.Output;

namespace Exo.Cli.Commands;

/// <summary><c>exo doctor</c>: what can be used on this machine, and what stands in the way of the rest. It changes nothing.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        Option<bool> json = new("--json")
        {
            Description = "The report as JSON.",
        };
        Option<bool> facts = new("--facts")
        {
            Description = "Not the report but what it is made of, as JSON, to be diagnosed elsewhere with --from.",
        };
        Option<string?> from = new("--from")
        {
            Description = "Diagnoses facts that --facts printed on some machine, instead of this machine.",
            HelpName = "FILE",
        };
        Command command = new("doctor", "Says which backends and transports can be used here, and if not why and what to do. Changes nothing.");
        command.Options.Add(json);
        command.Options.Add(facts);
        command.Options.Add(from);
        command.SetWork(async (result, cancellationToken) =>
        {
            MachineFacts machine = result.GetValue(from) is { } file
                ? MachineFacts.Read(file)
                : await FactGathering.GatherAsync(BackendArguments.All(), TransportArguments.All(), cancellationToken).ConfigureAwait(false);
            DoctorReport report = Diagnosis.Of(machine);
            SafeConsole.Write(result.GetValue(facts) ? machine.ToJson() + "\n" : result.GetValue(json) ? report.ToJson() : report.ToText());
        });
        return command;
    }
}
