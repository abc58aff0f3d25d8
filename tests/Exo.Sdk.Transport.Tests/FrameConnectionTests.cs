using System.Net;
using System.Net.Sockets;
using Exo.Sdk.Transport.Framing;

namespace Exo.Sdk.Transport.Tests;

public sealed class FrameConnectionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Concurrent_senders_never_mix_their_frames()
    {
        (FrameConnection left, FrameConnection right) = await ConnectAsync();
        await using FrameConnection a = left, b = right;
        a.Epoch = 6;
        Task[] senders = [.. Enumerable.Range(0, 4).Select(sender => Task.Run(async () =>
        {
            for (int i = 0; i < 50; i++)
            {
                byte[] payload = new byte[(i * 997) % 5000];
                payload.AsSpan().Fill((byte)sender);
                await a.SendAsync((ushort)sender, payload);
            }
        }))];

        int[] next = new int[4];
        for (int i = 0; i < 200; i++)
        {
            using Frame? frame = await b.ReadAsync().AsTask().WaitAsync(Patience);
            frame!.Epoch.Should().Be(6);
            frame.Payload.Length.Should().Be((next[frame.Type]++ * 997) % 5000, "each sender's frames keep their order");
            frame.Payload.Span.IndexOfAnyExcept((byte)frame.Type).Should().Be(-1);
        }

        await Task.WhenAll(senders);
    }

    [Fact]
    public async Task Reading_all_ends_when_the_peer_closes_and_the_rest_is_an_error()
    {
        (FrameConnection left, FrameConnection right) = await ConnectAsync();
        await using FrameConnection b = right;
        await left.SendAsync(1, new byte[3]);
        await left.SendAsync(2, new byte[4]);
        await left.DisposeAsync();

        List<int> types = [];
        await foreach (Frame frame in b.ReadAllAsync())
        {
            types.Add(frame.Type);
            frame.Dispose();
        }

        types.Should().Equal(1, 2);
        await left.Awaiting(c => c.SendAsync(1, default).AsTask()).Should().ThrowAsync<ObjectDisposedException>();
        await left.Awaiting(c => c.ReadAsync().AsTask()).Should().ThrowAsync<ObjectDisposedException>();
    }

    [Fact]
    public async Task Disposing_ends_a_read_and_a_blocked_send()
    {
        (FrameConnection left, FrameConnection right) = await ConnectAsync(maxPayload: 64 << 20);
        await using FrameConnection b = right;
        Task read = left.ReadAsync().AsTask();
        Task send = left.SendAsync(1, new byte[64 << 20]).AsTask(); // Far beyond what the sockets buffer.
        send.IsCompleted.Should().BeFalse();

        await left.DisposeAsync().AsTask().WaitAsync(Patience);

        await FluentActions.Awaiting(() => read.WaitAsync(Patience)).Should().ThrowAsync<Exception>().Where(e => e is IOException || e is ObjectDisposedException || e is OperationCanceledException);
        await FluentActions.Awaiting(() => send.WaitAsync(Patience)).Should().ThrowAsync<Exception>().Where(e => e is IOException || e is ObjectDisposedException || e is OperationCanceledException);
    }

    [Fact]
    public async Task A_peer_that_breaks_off_inside_a_frame_is_a_typed_error()
    {
        (Socket dialer, Socket accepted) = await TcpPair.ConnectAsync();
        await using FrameConnection connection = new(accepted, FrameHeader.DefaultMaxPayload);
        byte[] header = new byte[FrameHeader.Size];
        new FrameHeader(100, 1, 0).Write(header);
        dialer.Send(header);
        dialer.Shutdown(SocketShutdown.Both);
        dialer.Dispose();

        Func<Task> read = () => connection.ReadAsync().AsTask().WaitAsync(Patience);

        await read.Should().ThrowAsync<ProtocolException>();
    }

    private static async Task<(FrameConnection Left, FrameConnection Right)> ConnectAsync(int maxPayload = FrameHeader.DefaultMaxPayload)
    {
        (Socket dialer, Socket accepted) = await TcpPair.ConnectAsync();
        return (new FrameConnection(dialer, maxPayload), new FrameConnection(accepted, maxPayload));
    }
}

/// <summary>Two connected loopback sockets.</summary>
internal static class TcpPair
{
    public static async Task<(Socket Dialer, Socket Accepted)> ConnectAsync()
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        Socket dialer = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await dialer.ConnectAsync(listener.LocalEndPoint!);
        return (dialer, await listener.AcceptAsync());
    }
}
