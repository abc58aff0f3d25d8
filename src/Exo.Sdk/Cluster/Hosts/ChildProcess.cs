using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Transport.Sealing;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Hosts;

/// <summary>
/// A second process of the host program that becomes a node instead of running the program's own code: a startup hook takes over
/// before Main (see <see cref="ChildCommand"/>). It connects back over loopback and ends when its connection or its standard input ends.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int KeptLines = 8;
    private static readonly TimeSpan ExitDeadline = TimeSpan.FromSeconds(3);

    private readonly Process _process;
    private readonly TcpListener _listener;
    private readonly byte[] _secret;
    private readonly ILogger _logger;
    private readonly ConcurrentQueue<string> _lines = new();
    private bool _isDisposed;

    private ChildProcess(Process process, TcpListener listener, byte[] secret, ILogger logger)
    {
        _process = process;
        _listener = listener;
        _secret = secret;
        _logger = logger;
        Id = process.Id;
    }

    /// <summary>The process id.</summary>
    public int Id { get; }

    /// <summary>Starts the process.</summary>
    /// <exception cref="UnavailableException">The program cannot be started a second time.</exception>
    public static ChildProcess Start(
        int rank, string? backendType, string? transportType, string[] offeredTransportTypes, HeartbeatOptions heartbeats, ILogger logger)
    {
        TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start(backlog: 8);
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        try
        {
            ProcessStartInfo command = ChildCommand.Create();
            Process process = Process.Start(command)
                ?? throw new UnavailableException($"The child process '{command.FileName}' did not start.");
            ChildProcess child = new(process, listener, secret, logger);
            Log.ChildStarted(logger, process.Id, rank);
            child.Follow();
            child.Bootstrap(new NodeBootstrap(
                ((IPEndPoint)listener.LocalEndpoint).Port,
                secret,
                backendType,
                transportType,
                offeredTransportTypes,
                heartbeats.Interval.TotalMilliseconds,
                heartbeats.HostTimeout.TotalMilliseconds));
            return child;
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            listener.Dispose();
            throw new UnavailableException($"The child process for rank {rank} cannot be started: {error.Message}", error);
        }
    }

    /// <summary>Waits for the child's connection. Whatever else connects is dropped.</summary>
    /// <exception cref="NodeException">The child ended or did not connect in time.</exception>
    public async Task<Socket> ConnectAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout * 3);
        Task exited = _process.WaitForExitAsync(limit.Token);
        try
        {
            while (true)
            {
                Task<Socket> accepting = _listener.AcceptSocketAsync(limit.Token).AsTask();
                if (await Task.WhenAny(accepting, exited).ConfigureAwait(false) == exited && !limit.IsCancellationRequested)
                {
                    throw new NodeException($"child process {Id}", $"it ended with code {_process.ExitCode} before it connected. Its last output: {LastWords()}");
                }

                Socket socket = await accepting.ConfigureAwait(false);
                if (await TryAuthenticateAsync(socket, timeout, limit.Token).ConfigureAwait(false))
                {
                    return socket;
                }

                socket.Dispose();
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NodeException($"child process {Id}", $"it did not connect within {timeout.TotalSeconds * 3:F0} s. Its last output: {LastWords()}");
        }
        finally
        {
            await limit.CancelAsync().ConfigureAwait(false);
            _listener.Dispose();
        }
    }

    /// <summary>The last lines that the child wrote, for error messages.</summary>
    public string LastWords() => string.Join(" | ", _lines);

    /// <summary>Ends the child: closes its standard input, waits a moment, then kills it. May be called twice, not at the same time.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _listener.Dispose();
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The child is gone already.
        }

        using (CancellationTokenSource limit = new(ExitDeadline))
        {
            try
            {
                await _process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                Log.ChildKilled(_logger, Id);
                _process.Kill(entireProcessTree: true);
                _process.WaitForExit(ExitDeadline);
            }
        }

        _process.Dispose();
    }

    /// <summary>Kills the child at once, without waiting.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    private async Task<bool> TryAuthenticateAsync(Socket socket, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            socket.NoDelay = true;
            NetworkStream stream = new(socket, ownsSocket: false);
            await using (stream.ConfigureAwait(false))
            {
                await SharedSecretHandshake
                    .AuthenticateAsync(stream, _secret, HandshakeRole.Listener, timeout, TimeProvider.System, cancellationToken)
                    .ConfigureAwait(false);
            }

            return true;
        }
        catch (ProtocolException error)
        {
            Log.ConnectionRefused(_logger, socket.RemoteEndPoint?.ToString() ?? "?", error.Message);
            return false;
        }
    }

    private void Follow()
    {
        void Keep(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is { Length: > 0 } text)
            {
                Log.ChildOutput(_logger, Id, text);
                _lines.Enqueue(text);
                if (_lines.Count > KeptLines)
                {
                    _lines.TryDequeue(out _);
                }
            }
        }

        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    private void Bootstrap(NodeBootstrap bootstrap)
    {
        try
        {
            _process.StandardInput.WriteLine(JsonSerializer.Serialize(bootstrap, BootstrapJson.Default.NodeBootstrap));
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // The child ended at once; ConnectAsync says so with its output.
        }
    }
}
