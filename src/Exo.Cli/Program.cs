using System.CommandLine;
using Exo.Cli.Commands;

RootCommand root = new("Runs a large language model across ranks: processes of this machine, or nodes on others.")
{
    RunCommand.Create(),
    LogitsCommand.Create(),
    PlanCommand.Create(),
    NodeCommand.Create(),
};
return await root.Parse(args).InvokeAsync().ConfigureAwait(false);
