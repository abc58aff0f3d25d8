using System.Security.Cryptography;

namespace Exo.Sdk.Transport.Sealing;

/// <summary>
/// Mutual authentication over a stream, before anything else is read from it: both sides send a hello of
/// fixed size, the dialer proves the secret, then the listener does.
/// </summary>
public static class SharedSecretHandshake
{
    /// <summary>Authenticates a control connection. After success the stream stands right behind the handshake.</summary>
    /// <param name="stream">A connected stream. Whoever calls closes it when this fails.</param>
    /// <param name="secret">The shared secret; an empty one authenticates against an empty one only.</param>
    /// <param name="role">Which side this is.</param>
    /// <param name="timeout">How long the whole handshake may take.</param>
    /// <param name="time">The clock of <paramref name="timeout"/>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The connection's own key, once both sides are proved.</returns>
    /// <exception cref="ProtocolException">
    /// The peer speaks another protocol, version or secret, closed the connection, or was too slow.
    /// </exception>
    public static async ValueTask<SessionKey> AuthenticateAsync(
        Stream stream,
        ReadOnlyMemory<byte> secret,
        HandshakeRole role,
        TimeSpan timeout,
        TimeProvider time,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using CancellationTokenSource clock = new(timeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(clock.Token, cancellationToken);
        try
        {
            return await AuthenticateAsync(stream, secret, role, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ProtocolException($"The handshake was not finished within {timeout.TotalMilliseconds:F0} ms.");
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            throw new ProtocolException("The connection ended during the handshake.", failure);
        }
    }

    private static async ValueTask<SessionKey> AuthenticateAsync(
        Stream stream, ReadOnlyMemory<byte> secret, HandshakeRole role, CancellationToken cancellationToken)
    {
        byte[] mine = new byte[Hello.ByteCount];
        byte[] theirs = new byte[Hello.ByteCount];
        byte[] proof = new byte[HandshakeProof.ByteCount];
        new Hello(ConnectionKind.Control, role, 0, 0, 0).Write(mine, RandomNumberGenerator.GetBytes(Hello.NonceByteCount));
        await stream.WriteAsync(mine, cancellationToken).ConfigureAwait(false);
        await stream.ReadExactlyAsync(theirs, cancellationToken).ConfigureAwait(false);
        if (Hello.TryRead(theirs, out Hello hello) is { } problem)
        {
            throw new ProtocolException($"The peer was refused: {problem}.");
        }

        if (hello.Channel != ConnectionKind.Control || hello.Role == role)
        {
            throw new ProtocolException("The peer was refused: it expects another kind of connection.");
        }

        if (role == HandshakeRole.Dialer)
        {
            HandshakeProof.Compute(secret.Span, HandshakeRole.Dialer, mine, theirs, proof);
            await stream.WriteAsync(proof, cancellationToken).ConfigureAwait(false);
            await stream.ReadExactlyAsync(proof, cancellationToken).ConfigureAwait(false);
            if (!HandshakeProof.IsValid(secret.Span, HandshakeRole.Listener, mine, theirs, proof))
            {
                throw new ProtocolException("The peer was refused: it does not hold this side's secret.");
            }

            return SessionKey.Derive(secret.Span, mine, theirs);
        }

        await stream.ReadExactlyAsync(proof, cancellationToken).ConfigureAwait(false);
        if (!HandshakeProof.IsValid(secret.Span, HandshakeRole.Dialer, theirs, mine, proof))
        {
            await stream.WriteAsync(HandshakeProof.Refusal.ToArray(), cancellationToken).ConfigureAwait(false);
            throw new ProtocolException("The peer was refused: it does not hold this side's secret.");
        }

        HandshakeProof.Compute(secret.Span, HandshakeRole.Listener, theirs, mine, proof);
        await stream.WriteAsync(proof, cancellationToken).ConfigureAwait(false);
        return SessionKey.Derive(secret.Span, theirs, mine);
    }
}
