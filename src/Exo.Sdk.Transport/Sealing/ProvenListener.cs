using System.Net;
using System.Net.Sockets;

namespace Exo.Sdk.Transport.Sealing;

/// <summary>A connection whose peer has proved the secret.</summary>
/// <param name="Socket">The socket, right behind the handshake; whoever receives it owns it.</param>
/// <param name="Key">The connection's own key.</param>
/// <param name="Peer">The peer's endpoint, for people.</param>
public sealed record ProvenConnection(Socket Socket, SessionKey Key, string Peer);

/// <summary>
/// Accepts connections and hands on those that prove the secret. Handshakes run side by side, so that one that is slow or never speaks
/// delays nobody; unproven connections have bounded places, time and report lines, whatever their number. Thread-safe.
/// </summary>
public sealed class ProvenListener : IAsyncDisposable
{
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(50);

    private readonly TcpListener _listener;
    private readonly ReadOnlyMemory<byte> _secret;
    private readonly AdmissionLimits _limits;
    private readonly TimeProvider _time;
    private readonly Func<ProvenConnection, Task> _serve;
    private readonly Action<AdmissionReport> _report;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _quiet = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly List<Applicant> _applicants = [];
    private readonly Task _accepting;
    private int _open;
    private int _proven;
    private long _refused;
    private long _reportedAt;
    private int _isDisposed;

    private ProvenListener(
        TcpListener listener,
        ReadOnlyMemory<byte> secret,
        AdmissionLimits limits,
        TimeProvider time,
        Func<ProvenConnection, Task> serve,
        Action<AdmissionReport> report)
    {
        _listener = listener;
        _secret = secret;
        _limits = limits;
        _time = time;
        _serve = serve;
        _report = report;
        _reportedAt = time.GetTimestamp() - (long)(limits.ReportInterval.TotalSeconds * time.TimestampFrequency);
        Endpoint = (IPEndPoint)listener.LocalEndpoint;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>Starts to listen.</summary>
    /// <param name="endpoint">Where; port 0 for one that the system chooses.</param>
    /// <param name="secret">What a peer must prove; an empty one is proved by everybody who speaks the protocol.</param>
    /// <param name="limits">Places and times.</param>
    /// <param name="time">The clock.</param>
    /// <param name="serve">Takes a proven connection, and with it the socket; its place is free again when the task ends.</param>
    /// <param name="report">Told of refused connections, at most once an interval. From any thread, one call at a time.</param>
    /// <returns>The running listener.</returns>
    /// <exception cref="SocketException">The endpoint cannot be bound.</exception>
    public static ProvenListener Start(
        IPEndPoint endpoint,
        ReadOnlyMemory<byte> secret,
        AdmissionLimits limits,
        TimeProvider time,
        Func<ProvenConnection, Task> serve,
        Action<AdmissionReport> report)
    {
        ArgumentNullException.ThrowIfNull(limits);
        ArgumentNullException.ThrowIfNull(time);
        TcpListener listener = new(endpoint);
        listener.Start(backlog: 512);
        return new ProvenListener(listener, secret, limits, time, serve, report);
    }

    /// <summary>Stops listening, closes unproven connections, and waits until all connections have been served.</summary>
    /// <returns>A task that ends when nothing of the listener runs.</returns>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            await _quiet.Task.ConfigureAwait(false);
            return;
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        lock (_gate)
        {
            if (_open == 0)
            {
                _quiet.TrySetResult();
            }
        }

        await _quiet.Task.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Enter(await _listener.AcceptSocketAsync(_stopping.Token).ConfigureAwait(false));
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                if (!_stopping.IsCancellationRequested)
                {
                    // The connection is gone again, or this process has no descriptor left.
                    Refuse("?", error.Message);
                    await Task.Delay(PauseAfterFailure, CancellationToken.None).ConfigureAwait(false);
                }
            }
        }
    }

    private void Enter(Socket socket)
    {
        Applicant applicant = new(socket);
        Applicant? evicted = null;
        lock (_gate)
        {
            if (_applicants.Count >= _limits.MaxUnproven)
            {
                evicted = OldestOfTheGreediest();
                _applicants.Remove(evicted);
            }

            _applicants.Add(applicant);
            _open++;
        }

        evicted?.Evict();
        _ = AdmitAsync(applicant);
    }

    /// <summary>In the order of arrival, so the first of an address is its oldest.</summary>
    private Applicant OldestOfTheGreediest()
    {
        Dictionary<IPAddress, int> held = [];
        foreach (Applicant applicant in _applicants)
        {
            held[applicant.Address] = held.GetValueOrDefault(applicant.Address) + 1;
        }

        IPAddress greediest = held.MaxBy(static pair => pair.Value).Key;
        return _applicants.First(applicant => applicant.Address.Equals(greediest));
    }

    private async Task AdmitAsync(Applicant applicant)
    {
        try
        {
            SessionKey? key = await ProveAsync(applicant).ConfigureAwait(false);
            lock (_gate)
            {
                // One that was pushed out while it proved itself has lost its socket already.
                key = _applicants.Remove(applicant) ? key : null;
                if (key is not null && _proven < _limits.MaxProven)
                {
                    _proven++;
                }
                else if (key is not null)
                {
                    key = null;
                    applicant.Problem ??= $"{_limits.MaxProven} proven connections are open already";
                }
            }

            if (key is null)
            {
                applicant.Socket.Dispose();
                Refuse(applicant.Peer, applicant.Problem ?? "it was pushed out");
                return;
            }

            await ServeAsync(new ProvenConnection(applicant.Socket, key, applicant.Peer)).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                if (--_open == 0 && _stopping.IsCancellationRequested && _accepting.IsCompleted)
                {
                    _quiet.TrySetResult();
                }
            }
        }
    }

    private async Task<SessionKey?> ProveAsync(Applicant applicant)
    {
        try
        {
            applicant.Socket.NoDelay = true;
            NetworkStream stream = new(applicant.Socket, ownsSocket: false);
            await using (stream.ConfigureAwait(false))
            {
                return await SharedSecretHandshake
                    .AuthenticateAsync(stream, _secret, HandshakeRole.Listener, _limits.ProofTimeout, _time, _stopping.Token)
                    .ConfigureAwait(false);
            }
        }
        catch (Exception error)
        {
            // Whatever a stranger made fail costs that stranger the connection, and nothing else.
            applicant.Problem ??= error.Message;
            return null;
        }
    }

    private async Task ServeAsync(ProvenConnection connection)
    {
        try
        {
            await _serve(connection).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            connection.Socket.Dispose();
            Refuse(connection.Peer, error.Message);
        }
        finally
        {
            lock (_gate)
            {
                _proven--;
            }
        }
    }

    private void Refuse(string peer, string reason)
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        AdmissionReport report;
        lock (_gate)
        {
            _refused++;
            if (_time.GetElapsedTime(_reportedAt) < _limits.ReportInterval)
            {
                return;
            }

            report = new AdmissionReport(_refused, peer, reason);
            _reportedAt = _time.GetTimestamp();
            _refused = 0;
        }

        _report(report);
    }

    /// <summary>A connection that has not proved itself.</summary>
    private sealed class Applicant
    {
        public Applicant(Socket socket)
        {
            Socket = socket;
            try
            {
                IPEndPoint? endpoint = socket.RemoteEndPoint as IPEndPoint;
                Address = endpoint?.Address ?? IPAddress.None;
                Peer = endpoint?.ToString() ?? "?";
            }
            catch (SocketException)
            {
                (Address, Peer) = (IPAddress.None, "?"); // It is gone already.
            }
        }

        public Socket Socket { get; }

        public IPAddress Address { get; }

        public string Peer { get; }

        public string? Problem { get; set; }

        public void Evict()
        {
            Problem = "it was the oldest of too many unproven connections";
            Socket.Dispose();
        }
    }
}
