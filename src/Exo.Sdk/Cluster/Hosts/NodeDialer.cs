using System.Net;
using System.Net.Sockets;
using Exo.Sdk.Transport.Sealing;

namespace Exo.Sdk.Hosts;

/// <summary>Connects to a node that listens, and proves the key both ways.</summary>
internal static class NodeDialer
{
    private static readonly TimeSpan PauseBetweenTries = TimeSpan.FromMilliseconds(50);

    /// <summary>Dials until the handshake stands: a node that is flooded may drop a connection, but not the next one.</summary>
    /// <param name="endpoint">Where.</param>
    /// <param name="key">The cluster's key, stretched.</param>
    /// <param name="timeout">How long it may take in all.</param>
    /// <param name="stillness">How long a node that has accepted the connection may take to prove itself.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="NodeException">Nobody answers there in time, or it does not share the key or the protocol.</exception>
    public static async Task<ProvenConnection> DialAsync(
        DnsEndPoint endpoint, ReadOnlyMemory<byte> key, TimeSpan timeout, TimeSpan stillness, TimeProvider time, CancellationToken cancellationToken)
    {
        string name = $"{endpoint.Host}:{endpoint.Port}";
        using CancellationTokenSource clock = new(timeout, time);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(clock.Token, cancellationToken);
        while (true)
        {
            try
            {
                return await DialOnceAsync(endpoint, name, key, stillness, time, limit.Token).ConfigureAwait(false);
            }
            catch (Exception error) when (HasEndedEarly(error) && !limit.IsCancellationRequested)
            {
                // Which says nothing of the key.
                await Task.Delay(PauseBetweenTries, CancellationToken.None).ConfigureAwait(false);
            }
            catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
            {
                throw new NodeException(
                    name, $"it did not answer within {timeout.TotalSeconds:F1} s (UseConnectTimeout). Is 'exo node' running there, and no firewall between?", error);
            }
            catch (Exception error) when (error is SocketException or ProtocolException)
            {
                throw new NodeException(name, $"cannot be reached: {error.Message} Is 'exo node' running there, with the same cluster key?", error);
            }
        }
    }

    /// <summary>Whether the connection stood, and ended before the handshake did.</summary>
    private static bool HasEndedEarly(Exception error) =>
        error is ProtocolException { InnerException: not null }
        or SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted };

    /// <summary>A node that runs answers at once, also while it serves another host; one that is frozen still accepts connections.</summary>
    private static async Task<ProvenConnection> DialOnceAsync(
        DnsEndPoint endpoint, string name, ReadOnlyMemory<byte> key, TimeSpan stillness, TimeProvider time, CancellationToken cancellationToken)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, cancellationToken).ConfigureAwait(false);
            using CancellationTokenSource silence = new(stillness, time);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
            try
            {
                NetworkStream stream = new(socket, ownsSocket: false);
                await using (stream.ConfigureAwait(false))
                {
                    SessionKey session = await SharedSecretHandshake
                        .AuthenticateAsync(stream, key, HandshakeRole.Dialer, Timeout.InfiniteTimeSpan, time, either.Token)
                        .ConfigureAwait(false);
                    return new ProvenConnection(socket, session, name);
                }
            }
            catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
            {
                throw new NodeException(
                    name,
                    $"it accepted the connection and did not answer within {stillness.TotalMilliseconds:F0} ms (HeartbeatOptions.Timeout); it is frozen or overloaded",
                    error);
            }
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
