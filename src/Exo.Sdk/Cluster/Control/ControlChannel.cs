using System.Text.Json;
using Exo.Sdk.Transport.Framing;

namespace Exo.Sdk.Control;

/// <summary>
/// Typed control messages over a frame connection, with heartbeats. It ends, once and with a reason, when the peer closes,
/// falls silent or breaks the protocol. Sending is thread-safe.
/// </summary>
internal sealed class ControlChannel : IAsyncDisposable
{
    private const ushort MessageFrame = 1;
    private const ushort HeartbeatFrame = 2;

    private readonly FrameConnection _connection;
    private readonly TimeProvider _time;
    private readonly TimeSpan _interval;
    private readonly Action<ControlMessage> _onMessage;
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _disposing = new();
    private readonly ITimer _timer;
    private readonly Task _reading;
    private long _silenceLimitTicks;
    private long _heardAt;
    private long _beatAt;
    private int _beating;

    /// <param name="connection">An authenticated connection; owned from now on.</param>
    /// <param name="interval">How often to send a heartbeat.</param>
    /// <param name="silenceLimit">See <see cref="SilenceLimit"/>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="onMessage">Called for each message, in order; it must not block.</param>
    public ControlChannel(
        FrameConnection connection,
        TimeSpan interval,
        TimeSpan silenceLimit,
        TimeProvider time,
        Action<ControlMessage> onMessage)
    {
        _connection = connection;
        _time = time;
        _interval = interval;
        SilenceLimit = silenceLimit;
        _onMessage = onMessage;
        _heardAt = _beatAt = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Beat(), null, interval, interval);
        _reading = Task.Run(ReadAsync);
    }

    /// <summary>Completes with the reason once the channel has ended.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>How long the peer may be silent. Thread-safe.</summary>
    public TimeSpan SilenceLimit
    {
        get => TimeSpan.FromTicks(Volatile.Read(ref _silenceLimitTicks));
        set => Volatile.Write(ref _silenceLimitTicks, value.Ticks);
    }

    /// <summary>Sends a message.</summary>
    /// <exception cref="NodeException">The channel has ended.</exception>
    public async ValueTask SendAsync(ControlMessage message, CancellationToken cancellationToken = default)
    {
        try
        {
            byte[] json = JsonSerializer.SerializeToUtf8Bytes(message, ControlJson.Default.ControlMessage);
            await _connection.SendAsync(MessageFrame, json, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            End($"the control connection failed: {error.Message}");
            throw new NodeException("peer", $"the control connection failed: {error.Message}", error);
        }
    }

    /// <summary>Sends a message if that is possible, without waiting.</summary>
    public void Post(ControlMessage message) => _ = PostAsync(message);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        End("closed by this side");
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(false);
        _disposing.Dispose();
    }

    private async Task PostAsync(ControlMessage message)
    {
        try
        {
            await SendAsync(message).ConfigureAwait(false);
        }
        catch (ExoException)
        {
            // The channel's end is told through Ended.
        }
    }

    private void Beat()
    {
        long now = _time.GetTimestamp();
        long before = Interlocked.Exchange(ref _beatAt, now);
        if (_time.GetElapsedTime(before, now) > _interval * 2)
        {
            // This side itself did not get to run, so the peer's words may lie unread: that is not silence.
            Interlocked.Add(ref _heardAt, now - before);
        }

        TimeSpan silence = _time.GetElapsedTime(Interlocked.Read(ref _heardAt), now);
        if (silence > SilenceLimit)
        {
            End($"silent for {silence.TotalMilliseconds:F0} ms");
        }
        else if (!_ended.Task.IsCompleted && Interlocked.Exchange(ref _beating, 1) == 0)
        {
            _ = SendBeatAsync();
        }
    }

    private async Task SendBeatAsync()
    {
        try
        {
            await _connection.SendAsync(HeartbeatFrame, default, _disposing.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or OperationCanceledException)
        {
            End($"the control connection failed: {error.Message}");
        }
        finally
        {
            Volatile.Write(ref _beating, 0);
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            while (await _connection.ReadAsync(_disposing.Token).ConfigureAwait(false) is { } frame)
            {
                using (frame)
                {
                    Volatile.Write(ref _heardAt, _time.GetTimestamp());
                    if (frame.Type == MessageFrame)
                    {
                        _onMessage(Parse(frame.Payload.Span));
                    }
                    else if (frame.Type != HeartbeatFrame)
                    {
                        throw new ProtocolException($"A control frame of unknown type {frame.Type} arrived.");
                    }
                }
            }

            End("it closed the connection");
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or OperationCanceledException or ExoException)
        {
            End(error.Message);
        }
    }

    private static ControlMessage Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, ControlJson.Default.ControlMessage)
                ?? throw new ProtocolException("A control message is null.");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException)
        {
            throw new ProtocolException($"A control message cannot be read: {error.Message}", error);
        }
    }

    private void End(string reason) => _ended.TrySetResult(reason);
}
