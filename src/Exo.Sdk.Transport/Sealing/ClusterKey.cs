using System.Security.Cryptography;
using System.Text;

namespace Exo.Sdk.Transport.Sealing;

/// <summary>
/// The secret text that all machines of a cluster share, and the bytes that stand for it in handshakes. Thread-safe.
/// </summary>
/// <remarks>
/// A handshake that somebody recorded lets them try one key after another at home. Stretching makes each try cost what
/// <see cref="Iterations"/> rounds cost, and a random key of <see cref="MinLength"/> characters is then out of reach; a guessable
/// sentence is not.
/// </remarks>
public static class ClusterKey
{
    /// <summary>The fewest characters of a key.</summary>
    public const int MinLength = 16;

    /// <summary>The most characters of a key.</summary>
    public const int MaxLength = 4096;

    /// <summary>The fewest different characters of a key.</summary>
    public const int MinVariety = 6;

    /// <summary>Rounds of HMAC-SHA256 in <see cref="Stretch"/>.</summary>
    public const int Iterations = 200_000;

    private static ReadOnlySpan<byte> Salt => "exo cluster key, stretched, 1"u8;

    /// <summary>Refuses a key that is short or repeats itself.</summary>
    /// <param name="key">The key.</param>
    /// <param name="source">Where it comes from, for the message, for example <c>UseClusterKey</c>.</param>
    /// <exception cref="ConfigurationException">The key is too short, too long, or made of too few characters.</exception>
    public static void Require(string key, string source)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Length is < MinLength or > MaxLength || key.Distinct().Count() < MinVariety)
        {
            throw new ConfigurationException(
                $"The cluster key of {source} has {key.Length} characters, {key.Distinct().Count()} of them different; "
                + $"{MinLength} to {MaxLength} with at least {MinVariety} different ones are needed. 'openssl rand -base64 32' makes a good one.");
        }
    }

    /// <summary>
    /// The bytes that stand for a key: PBKDF2 (RFC 8018) with HMAC-SHA256 and a fixed salt, because both sides must come to the same
    /// bytes before they have spoken. Takes some tens of milliseconds, so do it once.
    /// </summary>
    /// <param name="key">The key; see <see cref="Require"/>.</param>
    /// <returns>32 bytes.</returns>
    public static byte[] Stretch(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(key), Salt, Iterations, HashAlgorithmName.SHA256, 32);
    }
}
