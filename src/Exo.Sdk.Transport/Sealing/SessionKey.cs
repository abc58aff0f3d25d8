using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Exo.Sdk.Transport.Sealing;

/// <summary>
/// The key of one authenticated connection, known to its two ends only: HMAC-SHA256 under the shared secret over a label of its own
/// and both hellos, whose nonces are fresh. It hides an epoch's secret on its way from the host to a node. Thread-safe.
/// </summary>
public sealed class SessionKey
{
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private readonly byte[] _key;

    private SessionKey(byte[] key) => _key = key;

    private static ReadOnlySpan<byte> Label => "exo session key 1"u8;

    private static ReadOnlySpan<byte> EpochLabel => "exo epoch secret"u8;

    /// <summary>Encrypts and signs an epoch's secret with AES-256-GCM.</summary>
    /// <param name="epoch">The epoch, to which the result is bound.</param>
    /// <param name="secret">The secret.</param>
    /// <returns>Nonce, ciphertext and tag.</returns>
    public byte[] Seal(ulong epoch, ReadOnlySpan<byte> secret)
    {
        byte[] box = new byte[NonceBytes + secret.Length + TagBytes];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceBytes));
        using AesGcm aes = new(_key, TagBytes);
        aes.Encrypt(
            box.AsSpan(0, NonceBytes), secret, box.AsSpan(NonceBytes, secret.Length), box.AsSpan(NonceBytes + secret.Length), Bound(epoch));
        return box;
    }

    /// <summary>Opens what <see cref="Seal"/> made at the other end.</summary>
    /// <param name="epoch">The epoch it was made for.</param>
    /// <param name="box">Nonce, ciphertext and tag.</param>
    /// <returns>The secret.</returns>
    /// <exception cref="ProtocolException">It was made with another key or for another epoch, or was changed on its way.</exception>
    public byte[] Open(ulong epoch, ReadOnlySpan<byte> box)
    {
        if (box.Length < NonceBytes + TagBytes)
        {
            throw new ProtocolException($"A sealed secret has {box.Length} bytes; expected at least {NonceBytes + TagBytes}.");
        }

        byte[] secret = new byte[box.Length - NonceBytes - TagBytes];
        using AesGcm aes = new(_key, TagBytes);
        try
        {
            aes.Decrypt(box[..NonceBytes], box[NonceBytes..^TagBytes], box[^TagBytes..], secret, Bound(epoch));
        }
        catch (AuthenticationTagMismatchException error)
        {
            throw new ProtocolException("A sealed secret was made for another session or epoch, or was changed on its way.", error);
        }

        return secret;
    }

    /// <summary>The key of the connection whose hellos these are.</summary>
    internal static SessionKey Derive(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> dialerHello, ReadOnlySpan<byte> listenerHello)
    {
        byte[] transcript = [.. Label, .. dialerHello, .. listenerHello];
        return new SessionKey(HMACSHA256.HashData(secret, transcript));
    }

    private static byte[] Bound(ulong epoch)
    {
        byte[] bound = [.. EpochLabel, 0, 0, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt64LittleEndian(bound.AsSpan(EpochLabel.Length), epoch);
        return bound;
    }
}
