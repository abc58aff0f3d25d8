using System.Security.Cryptography;

namespace Exo.Sdk.Transport.Sealing;

/// <summary>
/// Proof that a side holds the shared secret: HMAC-SHA256 over a label with the prover's role and over both
/// hellos. Each hello carries a fresh nonce, so a proof cannot be replayed; the role is in the label, so it
/// cannot be reflected.
/// </summary>
internal static class HandshakeProof
{
    /// <summary>The proof's length in bytes.</summary>
    public const int ByteCount = HMACSHA256.HashSizeInBytes;

    private static ReadOnlySpan<byte> DialerLabel => "exo handshake 1 dialer\0\0"u8;

    private static ReadOnlySpan<byte> ListenerLabel => "exo handshake 1 listener"u8;

    /// <summary>What a listener sends in place of its proof to a dialer whose proof was wrong.</summary>
    public static ReadOnlySpan<byte> Refusal => new byte[ByteCount];

    /// <summary>Computes a proof.</summary>
    /// <param name="secret">The shared secret; empty where none is required.</param>
    /// <param name="prover">The side that proves.</param>
    /// <param name="dialerHello">The dialer's hello as it was on the wire.</param>
    /// <param name="listenerHello">The listener's hello as it was on the wire.</param>
    /// <param name="proof">Receives <see cref="ByteCount"/> bytes.</param>
    public static void Compute(
        ReadOnlySpan<byte> secret,
        HandshakeRole prover,
        ReadOnlySpan<byte> dialerHello,
        ReadOnlySpan<byte> listenerHello,
        Span<byte> proof)
    {
        ReadOnlySpan<byte> label = prover == HandshakeRole.Dialer ? DialerLabel : ListenerLabel;
        Span<byte> transcript = stackalloc byte[label.Length + (2 * Hello.ByteCount)];
        label.CopyTo(transcript);
        dialerHello[..Hello.ByteCount].CopyTo(transcript[label.Length..]);
        listenerHello[..Hello.ByteCount].CopyTo(transcript[(label.Length + Hello.ByteCount)..]);
        HMACSHA256.HashData(secret, transcript, proof);
    }

    /// <summary>Checks a proof in constant time.</summary>
    /// <param name="secret">The shared secret.</param>
    /// <param name="prover">The side that proves.</param>
    /// <param name="dialerHello">The dialer's hello as it was on the wire.</param>
    /// <param name="listenerHello">The listener's hello as it was on the wire.</param>
    /// <param name="proof">The bytes that arrived.</param>
    /// <returns>Whether the prover holds the secret.</returns>
    public static bool IsValid(
        ReadOnlySpan<byte> secret,
        HandshakeRole prover,
        ReadOnlySpan<byte> dialerHello,
        ReadOnlySpan<byte> listenerHello,
        ReadOnlySpan<byte> proof)
    {
        Span<byte> expected = stackalloc byte[ByteCount];
        Compute(secret, prover, dialerHello, listenerHello, expected);
        return CryptographicOperations.FixedTimeEquals(expected, proof);
    }
}
