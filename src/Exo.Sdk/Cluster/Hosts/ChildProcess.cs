using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Input;
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
    private const int LongestLine = 1000;
    private static readonly TimeSpan ExitDeadline = TimeSpan.FromSeconds(3);

    private readonly Process _process;
    private readonly ProvenListener _listener;
    private readonly TaskCompletionSource<ProvenConnection> _connection;
    private readonly ILogger _logger;
    private readonly ConcurrentQueue<string> _lines = new();
    private bool _isDisposed;

    private ChildProcess(Process process, ProvenListener listener, TaskCompletionSource<ProvenConnection> connection, ILogger logger)
    {
        _process = process;
        _listener = listener;
        _connection = connection;
        _logger = logger;
        Id = process.Id;
    }

    /// <summary>The process id.</summary>
    public int Id { get; }

    /// <summary>Starts the process.</summary>
    /// <param name="rank">For the log.</param>
    /// <param name="recipe">What the child is to be made of, but for port and secret.</param>
    /// <param name="connectTimeout">How long the child may take to connect; see <see cref="ConnectAsync"/>.</param>
    /// <param name="logger">Where to log.</param>
    /// <exception cref="UnavailableException">The program cannot be started a second time.</exception>
    public static async Task<ChildProcess> StartAsync(int rank, NodeBootstrap recipe, TimeSpan connectTimeout, ILogger logger)
    {
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        TaskCompletionSource<ProvenConnection> connection = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ProvenListener listener = ProvenListener.Start(
            new IPEndPoint(IPAddress.Loopback, 0),
            secret,
            new AdmissionLimits { ProofTimeout = connectTimeout },
            TimeProvider.System,
            proven =>
            {
                if (!connection.TrySetResult(proven))
                {
                    proven.Socket.Dispose();
                }

                return Task.CompletedTask;
            },
            report => Log.ConnectionsRefused(logger, report.Count, report.Peer, report.Reason));
        try
        {
            ProcessStartInfo command = ChildCommand.Create();
            Process process = Process.Start(command)
                ?? throw new UnavailableException($"The child process '{command.FileName}' did not start.");
            ChildProcess child = new(process, listener, connection, logger);
            Log.ChildStarted(logger, process.Id, rank);
            child.Follow();
            child.Bootstrap(recipe with { Port = listener.Endpoint.Port, Secret = secret });
            return child;
        }
        catch (Exception error) when (error is System.ComponentModel.Win32Exception or UnavailableException)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
            throw error as UnavailableException
                ?? new UnavailableException($"The child process for rank {rank} cannot be started: {error.Message}", error);
        }
    }

    /// <summary>Waits for the child's connection. Whatever else connects neither delays it nor takes its place.</summary>
    /// <param name="timeout">How long the child may take.</param>
    /// <param name="stillness">How long it may be stopped before that counts as lost.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="NodeException">The child ended, was stopped, or did not connect in time.</exception>
    public async Task<ProvenConnection> ConnectAsync(TimeSpan timeout, TimeSpan stillness, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        try
        {
            Task exited = _process.WaitForExitAsync(limit.Token);
            Task stopped = StoppedProcess.WatchAsync(Id, stillness, limit.Token);
            Task first = await Task.WhenAny(_connection.Task, exited, stopped).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            if (first == _connection.Task)
            {
                return await _connection.Task.ConfigureAwait(false);
            }

            throw new NodeException($"child process {Id}", first == exited && first.IsCompletedSuccessfully
                ? $"it ended with code {_process.ExitCode} before it connected. Its last output: {LastWords()}"
                : first.IsCompletedSuccessfully
                    ? $"it was stopped for more than {stillness.TotalMilliseconds:F0} ms before it connected"
                    : $"it did not connect within {timeout.TotalSeconds:F1} s (UseConnectTimeout). Its last output: {LastWords()}");
        }
        finally
        {
            await limit.CancelAsync().ConfigureAwait(false);
            await _listener.DisposeAsync().ConfigureAwait(false);
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
        await _listener.DisposeAsync().ConfigureAwait(false);
        if (_connection.Task.IsCompletedSuccessfully)
        {
            (await _connection.Task.ConfigureAwait(false)).Socket.Dispose();
        }

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

    private void Follow()
    {
        void Keep(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is { Length: > 0 } data)
            {
                string text = HostileText.Shorten(data, LongestLine);
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
