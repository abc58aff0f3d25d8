using Exo.Sdk.Input;

namespace Exo.Cli.Output;

/// <summary>
/// The console for people. Whatever is said may hold words from elsewhere (a node's name, its error, a model's configuration), so control
/// characters are escaped in all of it: nothing moves the cursor, clears the screen or types into the shell.
/// </summary>
internal static class SafeConsole
{
    /// <summary>A report on standard output.</summary>
    public static void Write(string report) => Console.Out.Write(HostileText.KeepLines(report));

    /// <summary>A line on standard error.</summary>
    public static void WriteErrorLine(string text) => Console.Error.WriteLine(HostileText.KeepLines(text));

    /// <summary>The beginning of a line on standard error.</summary>
    public static void WriteError(string text) => Console.Error.Write(HostileText.KeepLines(text));
}
