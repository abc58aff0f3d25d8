using System.CommandLine;
using Exo.Sdk;

namespace Exo.Cli.Commands;

/// <summary>Runs a command's work with the same exit codes everywhere: 0 well, 1 an error that is told, 130 interrupted.</summary>
internal static class CommandRunner
{
    public static void SetWork(this Command command, Func<ParseResult, CancellationToken, Task> work) =>
        command.SetAction(async (result, cancellationToken) =>
        {
            try
            {
                await work(result, cancellationToken).ConfigureAwait(false);
                return 0;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return 130;
            }
            catch (Exception error) when (error is ExoException or IOException or UnauthorizedAccessException or System.Net.Sockets.SocketException)
            {
                await Console.Error.WriteLineAsync($"exo: {error.Message}").ConfigureAwait(false);
                return 1;
            }
        });
}
