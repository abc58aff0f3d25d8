using System.Security.Cryptography;
using Exo.Sdk.Transport.Sealing;

namespace Exo.Sdk.Transport.Tests.Sealing;

/// <summary>The key of one connection: equal at both ends, and another with each thing that goes into it.</summary>
public sealed class SessionKeyTests
{
    private const ulong Epoch = 7;
    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(32);
    private static readonly byte[] Dialer = Greet(HandshakeRole.Dialer);
    private static readonly byte[] Listener = Greet(HandshakeRole.Listener);

    [Fact]
    public void What_one_end_seals_the_other_opens()
    {
        byte[] epochSecret = RandomNumberGenerator.GetBytes(32);
        byte[] box = SessionKey.Derive(Secret, Dialer, Listener).Seal(Epoch, epochSecret);
        SessionKey.Derive(Secret, Dialer, Listener).Open(Epoch, box).Should().Equal(epochSecret);
        Convert.ToHexString(box).Should().NotContain(Convert.ToHexString(epochSecret));
    }

    /// <summary>A nonce that is used twice with one key gives AES-GCM away.</summary>
    [Fact]
    public void Nothing_is_sealed_the_same_way_twice()
    {
        SessionKey key = SessionKey.Derive(Secret, Dialer, Listener);
        byte[][] boxes = [.. Enumerable.Range(0, 100).Select(_ => key.Seal(Epoch, new byte[32]))];
        boxes.Select(static box => Convert.ToHexString(box.AsSpan(0, 12))).Should().OnlyHaveUniqueItems();
        boxes.Select(static box => Convert.ToHexString(box.AsSpan(12))).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void Each_bit_of_secret_and_nonces_makes_another_key()
    {
        byte[] box = SessionKey.Derive(Secret, Dialer, Listener).Seal(Epoch, new byte[32]);
        for (int bit = 0; bit < 8 * Hello.NonceByteCount; bit += 5)
        {
            Refused(SessionKey.Derive(Flip(Secret, bit), Dialer, Listener), Epoch, box);
            Refused(SessionKey.Derive(Secret, Flip(Dialer, 256 + bit), Listener), Epoch, box);
            Refused(SessionKey.Derive(Secret, Dialer, Flip(Listener, 256 + bit)), Epoch, box);
        }

        Refused(SessionKey.Derive(Secret, Listener, Dialer), Epoch, box);
        Refused(SessionKey.Derive([], Dialer, Listener), Epoch, box);
    }

    [Fact]
    public void A_box_of_another_epoch_or_changed_on_its_way_is_refused()
    {
        SessionKey key = SessionKey.Derive(Secret, Dialer, Listener);
        byte[] box = key.Seal(Epoch, new byte[32]);
        Refused(key, Epoch + 1, box);
        for (int bit = 0; bit < 8 * box.Length; bit++)
        {
            Refused(key, Epoch, Flip(box, bit));
        }

        for (int length = 0; length < box.Length; length++)
        {
            Refused(key, Epoch, box[..length]);
        }

        Refused(key, Epoch, [.. box, 0]);
    }

    [Fact]
    public async Task A_handshake_gives_both_ends_one_key_and_the_next_one_another()
    {
        (SessionKey dialer, SessionKey listener) = await ShakeHandsAsync();
        byte[] box = dialer.Seal(Epoch, Secret);
        listener.Open(Epoch, box).Should().Equal(Secret);
        (SessionKey _, SessionKey next) = await ShakeHandsAsync();
        Refused(next, Epoch, box);
    }

    private static async Task<(SessionKey Dialer, SessionKey Listener)> ShakeHandsAsync()
    {
        (System.Net.Sockets.Socket one, System.Net.Sockets.Socket other) = await TcpPair.ConnectAsync();
        await using System.Net.Sockets.NetworkStream dialing = new(one, ownsSocket: true);
        await using System.Net.Sockets.NetworkStream listening = new(other, ownsSocket: true);
        TimeSpan limit = TimeSpan.FromSeconds(10);
        Task<SessionKey> dialer = SharedSecretHandshake.AuthenticateAsync(dialing, Secret, HandshakeRole.Dialer, limit, TimeProvider.System).AsTask();
        Task<SessionKey> listener = SharedSecretHandshake.AuthenticateAsync(listening, Secret, HandshakeRole.Listener, limit, TimeProvider.System).AsTask();
        return (await dialer, await listener);
    }

    private static byte[] Greet(HandshakeRole role)
    {
        byte[] hello = new byte[Hello.ByteCount];
        new Hello(ConnectionKind.Control, role, 0, 0, 0).Write(hello, RandomNumberGenerator.GetBytes(Hello.NonceByteCount));
        return hello;
    }

    private static byte[] Flip(byte[] bytes, int bit)
    {
        byte[] changed = [.. bytes];
        changed[bit / 8] ^= (byte)(1 << (bit % 8));
        return changed;
    }

    private static void Refused(SessionKey key, ulong epoch, byte[] box) =>
        FluentActions.Invoking(() => key.Open(epoch, box)).Should().Throw<ProtocolException>().WithMessage("*sealed secret*");
}
