using System.Diagnostics;
using System.Globalization;

namespace Exo.Sdk.Control;

/// <summary>
/// Notices that a signal has stopped another process of this machine, where the system tells (Linux). Such a process answers nothing while
/// its connections stay open, and before the first heartbeat nothing else tells it from one that is busy.
/// </summary>
internal static class StoppedProcess
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>The process that started this one, or 0 where the system does not tell.</summary>
    public static int Parent() =>
        Fields("self") is [_, { } parent, ..] && int.TryParse(parent, NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : 0;

    /// <summary>Ends when a process has been stopped for a while; where the system does not tell, only with the token.</summary>
    /// <param name="id">The process.</param>
    /// <param name="stillness">For how long at a stretch.</param>
    /// <param name="cancellationToken">Ends the watch.</param>
    public static async Task WatchAsync(int id, TimeSpan stillness, CancellationToken cancellationToken)
    {
        string process = id.ToString(CultureInfo.InvariantCulture);
        long? since = null;
        while (since is not { } at || Stopwatch.GetElapsedTime(at) < stillness)
        {
            await Task.Delay(WatchInterval, cancellationToken).ConfigureAwait(false);
            since = Fields(process) is ["T" or "t", ..] ? since ?? Stopwatch.GetTimestamp() : null;
        }
    }

    /// <summary>State, parent and what follows.</summary>
    private static string[] Fields(string process)
    {
        if (!OperatingSystem.IsLinux())
        {
            return [];
        }

        try
        {
            // They follow the command's name, which is in parentheses and may hold any character.
            string stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
