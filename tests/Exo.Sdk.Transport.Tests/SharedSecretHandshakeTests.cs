using System.Net.Sockets;
using Exo.Sdk.Transport.Sealing;
using Microsoft.Extensions.Time.Testing;

namespace Exo.Sdk.Transport.Tests;

public sealed class SharedSecretHandshakeTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);
    private static readonly byte[] Secret = [1, 2, 3, 4];

    [Theory]
    [InlineData("")]
    [InlineData("a key")]
    public async Task Equal_secrets_pass_and_the_stream_stands_right_behind_the_handshake(string text)
    {
        byte[] secret = System.Text.Encoding.UTF8.GetBytes(text);
        await using Pair pair = await Pair.ConnectAsync();

        Task dialer = AuthenticateAsync(pair.Dialer, secret, HandshakeRole.Dialer);
        Task listener = AuthenticateAsync(pair.Listener, secret, HandshakeRole.Listener);
        await Task.WhenAll(dialer, listener);

        await pair.Dialer.WriteAsync(new byte[] { 42 });
        byte[] one = new byte[1];
        await pair.Listener.ReadExactlyAsync(one);
        one[0].Should().Be(42);
    }

    [Fact]
    public async Task Different_secrets_are_refused_on_both_sides()
    {
        await using Pair pair = await Pair.ConnectAsync();
        Task dialer = AuthenticateAsync(pair.Dialer, Secret, HandshakeRole.Dialer);
        Task listener = AuthenticateAsync(pair.Listener, new byte[] { 9 }, HandshakeRole.Listener);

        await Refused(dialer, "*secret*");
        await Refused(listener, "*secret*");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_mirror_that_returns_every_byte_proves_nothing(int side)
    {
        HandshakeRole role = (HandshakeRole)side;
        await using Pair pair = await Pair.ConnectAsync();
        Task echo = Task.Run(async () =>
        {
            // A reflected hello, patched to the role that is expected, then a reflected proof.
            byte[] hello = new byte[Hello.ByteCount];
            await pair.Dialer.ReadExactlyAsync(hello);
            hello[7] = (byte)(1 - hello[7]);
            await pair.Dialer.WriteAsync(hello);
            byte[] proof = new byte[HandshakeProof.ByteCount];
            if (role == HandshakeRole.Dialer)
            {
                await pair.Dialer.ReadExactlyAsync(proof);
            }

            await pair.Dialer.WriteAsync(proof);
        });

        await Refused(AuthenticateAsync(pair.Listener, Secret, role), "*secret*");
        await echo;
    }

    [Fact]
    public async Task A_replayed_proof_is_refused()
    {
        byte[] dialerBytes = new byte[Hello.ByteCount + HandshakeProof.ByteCount];
        await using (Pair recorded = await Pair.ConnectAsync())
        {
            RecordingStream recorder = new(recorded.Dialer);
            await Task.WhenAll(
                AuthenticateAsync(recorder, Secret, HandshakeRole.Dialer),
                AuthenticateAsync(recorded.Listener, Secret, HandshakeRole.Listener));
            recorder.Written.ToArray().CopyTo(dialerBytes, 0);
        }

        await using Pair pair = await Pair.ConnectAsync();
        await pair.Dialer.WriteAsync(dialerBytes);

        await Refused(AuthenticateAsync(pair.Listener, Secret, HandshakeRole.Listener), "*secret*");
    }

    [Fact]
    public async Task Another_protocol_version_or_role_is_named()
    {
        await Answer(hello => hello[0] = (byte)'G', "*does not speak*");
        await Answer(hello => hello[4] = 77, "*expected protocol version 1, found 77*");
        await Answer(hello => hello[7] = (byte)HandshakeRole.Listener, "*another kind of connection*");
        await Answer(hello => hello[6] = (byte)ConnectionKind.Data, "*another kind of connection*");

        static async Task Answer(Action<byte[]> damage, string message)
        {
            await using Pair pair = await Pair.ConnectAsync();
            byte[] hello = new byte[Hello.ByteCount];
            new Hello(ConnectionKind.Control, HandshakeRole.Dialer, 0, 0, 0).Write(hello, new byte[Hello.NonceByteCount]);
            damage(hello);
            await pair.Dialer.WriteAsync(hello);
            await Refused(AuthenticateAsync(pair.Listener, Secret, HandshakeRole.Listener), message);
        }
    }

    [Fact]
    public async Task A_silent_peer_is_given_up_after_the_timeout_and_a_closed_one_at_once()
    {
        FakeTimeProvider clock = new();
        await using (Pair silent = await Pair.ConnectAsync())
        {
            Task attempt = SharedSecretHandshake
                .AuthenticateAsync(silent.Listener, Secret, HandshakeRole.Listener, TimeSpan.FromSeconds(3), clock).AsTask();
            clock.Advance(TimeSpan.FromSeconds(2.9));
            attempt.IsCompleted.Should().BeFalse();
            clock.Advance(TimeSpan.FromSeconds(0.2));
            await Refused(attempt, "*within 3000 ms*");
        }

        await using Pair closed = await Pair.ConnectAsync();
        await closed.Dialer.DisposeAsync();
        await Refused(AuthenticateAsync(closed.Listener, Secret, HandshakeRole.Listener), "*ended during the handshake*");
    }

    [Fact]
    public async Task Cancellation_is_told_apart_from_the_timeout()
    {
        await using Pair pair = await Pair.ConnectAsync();
        using CancellationTokenSource cancel = new();
        Task attempt = SharedSecretHandshake
            .AuthenticateAsync(pair.Listener, Secret, HandshakeRole.Listener, Timeout, TimeProvider.System, cancel.Token).AsTask();
        await cancel.CancelAsync();

        await FluentActions.Awaiting(() => attempt).Should().ThrowAsync<OperationCanceledException>();
    }

    private static Task<SessionKey> AuthenticateAsync(Stream stream, byte[] secret, HandshakeRole role) =>
        SharedSecretHandshake.AuthenticateAsync(stream, secret, role, Timeout, TimeProvider.System).AsTask();

    private static async Task Refused(Task attempt, string message) =>
        (await FluentActions.Awaiting(() => attempt.WaitAsync(Timeout)).Should().ThrowAsync<ProtocolException>()).WithMessage(message);

    private sealed record Pair(NetworkStream Dialer, NetworkStream Listener) : IAsyncDisposable
    {
        public static async Task<Pair> ConnectAsync()
        {
            (Socket dialer, Socket accepted) = await TcpPair.ConnectAsync();
            return new Pair(new NetworkStream(dialer, ownsSocket: true), new NetworkStream(accepted, ownsSocket: true));
        }

        public async ValueTask DisposeAsync()
        {
            await Dialer.DisposeAsync();
            await Listener.DisposeAsync();
        }
    }

    private sealed class RecordingStream(Stream inner) : Stream
    {
        public MemoryStream Written { get; } = new();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            inner.ReadAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Written.Write(buffer.Span);
            await inner.WriteAsync(buffer, cancellationToken);
        }
    }
}
