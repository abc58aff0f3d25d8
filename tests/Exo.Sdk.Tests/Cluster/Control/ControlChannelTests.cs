using System.Net;
using System.Net.Sockets;
using System.Text;
using Exo.Sdk.Control;
using Exo.Sdk.Transport.Framing;

namespace Exo.Sdk.Tests.Cluster.Control;

public sealed class ControlChannelTests
{
    private const ushort MessageFrame = 1;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>An owner is told from its own constructor's end on, however early the peer speaks.</summary>
    [Fact]
    public async Task Nothing_is_read_before_the_start()
    {
        (FrameConnection here, FrameConnection there) = await ConnectAsync();
        await there.SendAsync(MessageFrame, Encoding.UTF8.GetBytes("""{"is":"status?"}"""));
        TaskCompletionSource<ControlMessage> heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ControlChannel channel = new(here, new HeartbeatOptions(), TimeProvider.System, heard.SetResult);
        await Task.Delay(100);
        heard.Task.IsCompleted.Should().BeFalse();
        channel.Start();
        (await heard.Task.WaitAsync(Limit)).Should().BeOfType<StatusOrder>();
        await there.DisposeAsync();
    }

    [Fact]
    public async Task A_message_that_its_owner_fails_at_ends_the_channel()
    {
        (FrameConnection here, FrameConnection there) = await ConnectAsync();
        await using ControlChannel channel = new(
            here, new HeartbeatOptions(), TimeProvider.System, static _ => throw new InvalidOperationException("as a fault of its own would"));
        channel.Start();
        await there.SendAsync(MessageFrame, Encoding.UTF8.GetBytes("""{"is":"status?"}"""));
        (await channel.Ended.WaitAsync(Limit)).Should().Contain("InvalidOperationException: as a fault of its own would");
        channel.HasPeerClosed.Should().BeFalse();
        await there.DisposeAsync();
    }

    private static async Task<(FrameConnection Here, FrameConnection There)> ConnectAsync()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Socket dialer = new(SocketType.Stream, ProtocolType.Tcp);
        await dialer.ConnectAsync(listener.LocalEndpoint);
        Socket accepted = await listener.AcceptSocketAsync();
        return (new FrameConnection(accepted, ControlChannel.MaxMessage), new FrameConnection(dialer, ControlChannel.MaxMessage));
    }
}
