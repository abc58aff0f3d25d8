using System.CommandLine;
using Exo.Cli.Output;
using Exo.Sdk;

namespace Exo.Cli.Commands;

/// <summary>Runs a command's work with the same exit codes everywhere: 0 well, 1 an error that is told, 130 interrupted, 143 terminated.</summary>
internal static class CommandRunner
{
    public static void SetWork(this Command command, Func<ParseResult, CancellationToken, Task> work) =>
        command.SetAction((result, cancellationToken) => RunAsync(token => work(result, token), cancellationToken));

    private static async Task<int> RunAsync(Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        using Interruption interruption = new(cancellationToken);
        try
        {
            Task working = work(interruption.Token);
            return await Task.WhenAny(working, interruption.Overdue).ConfigureAwait(false) == working
                ? await EndAsync(working).ConfigureAwait(false)
                : interruption.ExitCode;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return interruption.ExitCode;
        }
        catch (Exception error) when (error is ExoException or IOException or UnauthorizedAccessException or System.Net.Sockets.SocketException)
        {
            SafeConsole.WriteErrorLine($"exo: {error.Message}");
            return 1;
        }
        catch (Exception error)
        {
            SafeConsole.WriteErrorLine($"exo: an error that should not be: {error}");
            return 1;
        }
    }

    private static async Task<int> EndAsync(Task working)
    {
        await working.ConfigureAwait(false);
        return 0;
    }
}
