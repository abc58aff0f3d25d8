using System.CommandLine;
using Exo.Benchmarks.Commands;

RootCommand root = new(
    "Measures Exo SDK on this machine. Figures are medians; configurations that are compared take turns, each in fresh processes. "
    + "Build with -c Release. Temporary models are written to the temp folder and deleted.")
{
    DecodeCommand.Create(),
    AllReduceCommand.Create(),
    LoadCommand.Create(),
    LimitsCommand.Create(),
    ProfileCommand.Create(),
    ReportCommand.Create(),
    MeasureCommand.Create(),
};
return await root.Parse(args).InvokeAsync();
