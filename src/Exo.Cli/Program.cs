using System.CommandLine;
using System.CommandLine.Invocation;
using Exo.Cli.Commands;

RootCommand root = new("Runs a large language model across ranks: processes of this machine, or nodes on others.")
{
    RunCommand.Create(),
    LogitsCommand.Create(),
    PlanCommand.Create(),
    ProfileCommand.Create(),
    NodeCommand.Create(),
    DoctorCommand.Create(),
};
ParseResult result = root.Parse(args);
if (result.Action is ParseErrorAction error)
{
    // The help and the guesses that would follow go to standard output, which belongs to generated text.
    error.ShowHelp = false;
    error.ShowTypoCorrections = false;
}

// CommandRunner answers signals, with an exit code for each.
return await result.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null }).ConfigureAwait(false);
