using System.Text.Json;
using Exo.Sdk.Input;
using Exo.Sdk.Transport.Framing;

namespace Exo.Sdk.Control;

/// <summary>
/// Typed control messages over a frame connection, with heartbeats. It ends, once and with a reason, when the peer closes, falls silent,
/// does not read or breaks the protocol. Nothing of it grows with what the peer does. Sending is thread-safe.
/// </summary>
internal sealed class ControlChannel : IAsyncDisposable
{
    /// <summary>The longest message, as JSON in bytes: an error with its texts, or an order to load a large group.</summary>
    public const int MaxMessage = 256 * 1024;

    private const int MaxWaiting = 64;
    private const int MaxDroppable = 8;
    private const ushort MessageFrame = 1;
    private const ushort HeartbeatFrame = 2;

    private readonly FrameConnection _connection;
    private readonly TimeProvider _time;
    private readonly Action<ControlMessage> _onMessage;
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _disposing = new();
    private readonly Pulse _pulse;
    private Task _reading = Task.CompletedTask;
    private HeartbeatOptions _heartbeats;
    private long _heardAt;
    private long _beatAt;
    private long _beatSentAt;
    private int _waiting;
    private volatile bool _hasPeerClosed;

    /// <param name="connection">An authenticated connection; owned from now on.</param>
    /// <param name="heartbeats">How often to speak, and how long the peer may be silent.</param>
    /// <param name="time">The clock.</param>
    /// <param name="onMessage">Called for each message from <see cref="Start"/> on, in order; it must not block.</param>
    public ControlChannel(FrameConnection connection, HeartbeatOptions heartbeats, TimeProvider time, Action<ControlMessage> onMessage)
    {
        _connection = connection;
        _time = time;
        _heartbeats = heartbeats;
        _onMessage = onMessage;
        _heardAt = _beatAt = time.GetTimestamp();
        _pulse = new Pulse(heartbeats.Interval, time, Beat);
    }

    /// <summary>Completes with the reason once the channel has ended.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>Whether the peer itself ended the channel by closing its end, as one does that leaves in order.</summary>
    public bool HasPeerClosed => _hasPeerClosed;

    /// <summary>
    /// Begins to read, once. Not the constructor's business: the first message may be here already, and would find an owner whose own
    /// constructor has not come to its end.
    /// </summary>
    public void Start() => _reading = Task.Run(ReadAsync);

    /// <summary>Lets other heartbeats hold from now on. Thread-safe.</summary>
    public void Adopt(HeartbeatOptions heartbeats)
    {
        Volatile.Write(ref _heartbeats, heartbeats);
        _pulse.Change(heartbeats.Interval);
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
            throw new NodeException("peer", await Ended.ConfigureAwait(false), error);
        }
    }

    /// <summary>Sends a message without waiting. A peer that leaves too many of them unread loses the channel.</summary>
    public void Post(ControlMessage message)
    {
        if (Interlocked.Increment(ref _waiting) > MaxWaiting)
        {
            End($"it does not read: {MaxWaiting} messages wait for it");
        }

        _ = PostAsync(message);
    }

    /// <summary>Sends a message without waiting, or drops it where others wait already.</summary>
    /// <returns>Whether it is sent.</returns>
    public bool TryPost(ControlMessage message)
    {
        if (Interlocked.Increment(ref _waiting) > MaxDroppable)
        {
            Interlocked.Decrement(ref _waiting);
            return false;
        }

        _ = PostAsync(message);
        return true;
    }

    /// <summary>Ends the channel for a fault of the peer.</summary>
    public void End(string reason) => _ended.TrySetResult(reason);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        End("closed by this side");
        _pulse.Dispose();
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(false);
        _disposing.Dispose();
    }

    private async Task PostAsync(ControlMessage message)
    {
        try
        {
            if (!_ended.Task.IsCompleted)
            {
                await SendAsync(message).ConfigureAwait(false);
            }
        }
        catch (ExoException error)
        {
            // The peer hears nothing of it, and would wait. A channel that has ended already keeps its first reason.
            End(error.Message);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private void Beat()
    {
        HeartbeatOptions heartbeats = Volatile.Read(ref _heartbeats);
        long now = _time.GetTimestamp();
        long before = Interlocked.Exchange(ref _beatAt, now);
        if (_time.GetElapsedTime(before, now) > heartbeats.Interval * 2 || _connection.HasUnread)
        {
            // This side itself did not get to run, so the peer's words may lie unread: that is not silence.
            Interlocked.Add(ref _heardAt, now - before);
        }

        TimeSpan silence = _time.GetElapsedTime(Interlocked.Read(ref _heardAt), now);
        long sentAt = Volatile.Read(ref _beatSentAt);
        if (_ended.Task.IsCompleted)
        {
            return;
        }

        if (silence > heartbeats.Timeout)
        {
            End($"silent for {silence.TotalMilliseconds:F0} ms; {heartbeats.Timeout.TotalMilliseconds:F0} ms are allowed (HeartbeatOptions.Timeout)");
        }
        else if (sentAt == 0)
        {
            Volatile.Write(ref _beatSentAt, now);
            _ = SendBeatAsync();
        }
        else if (_time.GetElapsedTime(sentAt, now) > heartbeats.Timeout)
        {
            End($"it has read nothing for {_time.GetElapsedTime(sentAt, now).TotalMilliseconds:F0} ms");
        }
    }

    private async Task SendBeatAsync()
    {
        try
        {
            await _connection.SendAsync(HeartbeatFrame, default, _disposing.Token).ConfigureAwait(false);
            Volatile.Write(ref _beatSentAt, 0);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or OperationCanceledException)
        {
            End($"the control connection failed: {error.Message}");
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            while (!_ended.Task.IsCompleted && await _connection.ReadAsync(_disposing.Token).ConfigureAwait(false) is { } frame)
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

            _hasPeerClosed = !_ended.Task.IsCompleted;
            End("it closed the connection");
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or OperationCanceledException or ExoException)
        {
            End(error.Message);
        }
        catch (Exception error)
        {
            // Whatever else the owner makes of a message: a channel that nobody reads and that goes on for ever would be the worse end.
            End($"a message of it failed here: {error.GetType().Name}: {error.Message}");
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
            throw new ProtocolException($"A control message cannot be read: {HostileText.Shorten(error.Message, 400)}", error);
        }
    }
}
