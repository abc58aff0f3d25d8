using Exo.Sdk.Control;
using Exo.Sdk.Input;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Nodes;

/// <summary>The log of a child process: lines go to its host, which has the program's real log. Where too many wait they are dropped.</summary>
/// <param name="least">The least level that the host's log takes.</param>
internal sealed class HostLogger(LogLevel least) : ILogger
{
    private const int LongestLine = 2000;
    private volatile ControlChannel? _channel;

    /// <summary>From now on lines go here.</summary>
    public void Connect(ControlChannel channel) => _channel = channel;

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            string text = formatter(state, exception) + (exception is null ? "" : $": {exception.GetType().Name}: {exception.Message}");
            _channel?.TryPost(new LogLine((int)logLevel, eventId.Id, HostileText.Shorten(text, LongestLine)));
        }
    }
}
