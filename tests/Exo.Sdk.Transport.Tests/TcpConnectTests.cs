using System.Net;
using System.Net.Sockets;
using Exo.Sdk.Transport.Sealing;
using Exo.Sdk.Transport.Tcp;

namespace Exo.Sdk.Transport.Tests;

public sealed class TcpConnectTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly byte[] Secret = [1, 2, 3, 4, 5];

    [Fact]
    public async Task Strangers_garbage_and_slow_connections_do_not_disturb_a_group()
    {
        TcpTransport transport = new() { HandshakeTimeout = TimeSpan.FromMilliseconds(300) };
        await using ITransportEndpoint lower = await transport.OpenAsync(new TransportOptions());
        await using ITransportEndpoint higher = await transport.OpenAsync(new TransportOptions());
        string[] addresses = [lower.Address, higher.Address];
        Task<ICollective> listening = Connect(lower, 0, addresses);
        List<Socket> strangers = [];
        try
        {
            for (int i = 0; i < TcpRendezvous.MaxPending + 10; i++)
            {
                Socket stranger = Dial(lower.Address);
                strangers.Add(stranger);
                switch (i % 4)
                {
                    case 0:
                        stranger.Send("GET / HTTP/1.1\r\nHost: example\r\nAccept: */*\r\nX-Padding: 0123456789\r\n\r\n"u8);
                        break;
                    case 1:
                        stranger.Send("E"u8); // And nothing more.
                        break;
                    case 2:
                        stranger.Send(HelloBytes(ConnectionKind.Data, epoch: 5, rank: 1, size: 2)); // And never a proof.
                        break;
                    default:
                        stranger.Send([.. HelloBytes(ConnectionKind.Data, epoch: 5, rank: 1, size: 2), .. new byte[HandshakeProof.ByteCount]]);
                        break;
                }
            }

            using ICollective first = await Connect(higher, 1, addresses).WaitAsync(Patience);
            using ICollective second = await listening.WaitAsync(Patience);
            Task barrier = Task.Run(first.Barrier);
            second.Barrier();
            await barrier.WaitAsync(Patience);
        }
        finally
        {
            strangers.ForEach(stranger => stranger.Dispose());
        }
    }

    [Fact]
    public async Task A_slow_connection_is_dropped_while_the_rank_still_waits()
    {
        TcpTransport transport = new() { HandshakeTimeout = TimeSpan.FromMilliseconds(100) };
        await using ITransportEndpoint endpoint = await transport.OpenAsync(new TransportOptions());
        using CancellationTokenSource cancel = new();
        Task<ICollective> connecting = endpoint.ConnectAsync(Group(0, [endpoint.Address, "127.0.0.1:9"]), cancel.Token).AsTask();
        using Socket slow = Dial(endpoint.Address);
        slow.Send("EXO"u8);
        slow.ReceiveTimeout = (int)Patience.TotalMilliseconds;

        Drain(slow); // Returns when the other side has closed.
        connecting.IsCompleted.Should().BeFalse();
        await cancel.CancelAsync();
        await FluentActions.Awaiting(() => connecting.WaitAsync(Patience)).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task Another_secret_is_refused_and_named()
    {
        (Exception? dialer, Exception? listener) = await ConnectDifferently(group => group with { Secret = new byte[] { 9 } });

        dialer.Should().BeOfType<ProtocolException>().Which.Message.Should().Contain("secret");
        listener.Should().BeOfType<PeerLostException>().Which.Reason.Should().Contain("secret");
    }

    [Fact]
    public async Task A_rank_of_an_older_epoch_is_refused_at_once_and_named()
    {
        (Exception? dialer, Exception? listener) = await ConnectDifferently(group => group with { Epoch = 4 });

        dialer.Should().BeOfType<ProtocolException>().Which.Message.Should().Contain("expected epoch 4, found 5");
        listener.Should().BeOfType<PeerLostException>().Which.Reason.Should().Contain("expected epoch 5, found 4");
    }

    [Fact]
    public async Task A_rank_of_a_newer_epoch_waits_for_the_other_to_catch_up_and_then_says_so()
    {
        (Exception? dialer, Exception? listener) = await ConnectDifferently(group => group with { Epoch = 6 });

        dialer.Should().BeOfType<ProtocolException>().Which.Message.Should().Contain("expected epoch 6, found 5");
        listener.Should().BeOfType<PeerLostException>();
    }

    [Fact]
    public async Task A_group_of_another_size_is_refused_and_named()
    {
        (Exception? dialer, _) = await ConnectDifferently(group => group with { Addresses = [.. group.Addresses, "127.0.0.1:9"] });

        dialer.Should().BeOfType<ProtocolException>().Which.Message.Should().Contain("expected a group of 3 ranks, found 2");
    }

    [Fact]
    public async Task A_rank_that_does_not_come_is_lost_by_name()
    {
        await using ITransportEndpoint endpoint = await new TcpTransport().OpenAsync(new TransportOptions());
        string nobody = UnusedAddress();
        GroupDescription group = Group(0, [endpoint.Address, nobody]) with { ConnectTimeout = TimeSpan.FromMilliseconds(200) };
        GroupDescription higher = Group(1, [nobody, endpoint.Address]) with { ConnectTimeout = TimeSpan.FromMilliseconds(200) };

        PeerLostException listening = (await FluentActions.Awaiting(() => endpoint.ConnectAsync(group).AsTask().WaitAsync(Patience))
            .Should().ThrowAsync<PeerLostException>()).Which;
        PeerLostException dialling = (await FluentActions.Awaiting(() => endpoint.ConnectAsync(higher).AsTask().WaitAsync(Patience))
            .Should().ThrowAsync<PeerLostException>()).Which;

        (listening.LostRank, dialling.LostRank).Should().Be((1, 0));
        listening.Reason.Should().Contain("within 200 ms").And.Contain("nothing came from it");
        dialling.Reason.Should().Contain("refused");
    }

    [Fact]
    public async Task Descriptions_that_cannot_work_are_refused_before_anything_is_opened()
    {
        await using ITransportEndpoint endpoint = await new TcpTransport().OpenAsync(new TransportOptions());
        string here = endpoint.Address;
        await Refused(Group(2, [here, here]), "*Rank 2 in a group of 2*");
        await Refused(Group(0, []), "*0 ranks*");
        await Refused(Group(0, [.. Enumerable.Repeat(here, 33)]), "*33 ranks*");
        await Refused(Group(0, ["127.0.0.1:1", here]), "*its endpoint is*");
        await Refused(Group(0, [here]) with { Deadline = TimeSpan.Zero }, "*must be positive*");
        await Refused(Group(1, ["no port", here]), "*'no port' is not a TCP address*");
        await FluentActions.Awaiting(() => new TcpTransport().OpenAsync(new TransportOptions { Host = "0.0.0.0" }).AsTask())
            .Should().ThrowAsync<ConfigurationException>();
        await FluentActions.Awaiting(() => new TcpTransport().OpenAsync(new TransportOptions { Port = int.Parse(here.Split(':')[1]) }).AsTask())
            .Should().ThrowAsync<UnavailableException>();

        async Task Refused(GroupDescription group, string message) =>
            (await FluentActions.Awaiting(() => endpoint.ConnectAsync(group).AsTask().WaitAsync(Patience)).Should().ThrowAsync<ConfigurationException>())
                .WithMessage(message);
    }

    /// <summary>Rank 0 connects as agreed, rank 1 with a difference.</summary>
    private static async Task<(Exception? Dialer, Exception? Listener)> ConnectDifferently(Func<GroupDescription, GroupDescription> change)
    {
        TcpTransport transport = new();
        await using ITransportEndpoint lower = await transport.OpenAsync(new TransportOptions());
        await using ITransportEndpoint higher = await transport.OpenAsync(new TransportOptions());
        string[] addresses = [lower.Address, higher.Address];
        TimeSpan brief = TimeSpan.FromMilliseconds(700);
        Task<Exception?> listener = Record.ExceptionAsync(async () => (await lower.ConnectAsync(Group(0, addresses) with { ConnectTimeout = brief })).Dispose());
        Task<Exception?> dialer = Record.ExceptionAsync(async () => (await higher.ConnectAsync(change(Group(1, addresses) with { ConnectTimeout = brief }))).Dispose());
        return (await dialer.WaitAsync(Patience), await listener.WaitAsync(Patience));
    }

    private static Task<ICollective> Connect(ITransportEndpoint endpoint, int rank, string[] addresses) =>
        endpoint.ConnectAsync(Group(rank, addresses)).AsTask();

    private static GroupDescription Group(int rank, string[] addresses) =>
        new() { Epoch = 5, Rank = rank, Addresses = addresses, Secret = Secret };

    private static byte[] HelloBytes(ConnectionKind channel, ulong epoch, int rank, int size)
    {
        byte[] hello = new byte[Hello.ByteCount];
        new Hello(channel, HandshakeRole.Dialer, epoch, rank, size).Write(hello, new byte[Hello.NonceByteCount]);
        return hello;
    }

    private static Socket Dial(string address)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPEndPoint.Parse(address));
        return socket;
    }

    private static void Drain(Socket socket)
    {
        byte[] buffer = new byte[256];
        try
        {
            while (socket.Receive(buffer) > 0)
            {
            }
        }
        catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
        {
        }
    }

    private static string UnusedAddress()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket.LocalEndPoint!.ToString()!;
    }
}
