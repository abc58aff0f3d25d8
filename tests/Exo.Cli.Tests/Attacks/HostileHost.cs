using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Exo.Sdk.Transport.Sealing;

namespace Exo.Cli.Tests.Attacks;

/// <summary>A peer that holds the key and says what it likes.</summary>
internal sealed class HostileHost : IAsyncDisposable
{
    private const int HeaderSize = 14;
    private const ushort MessageFrame = 1;
    private readonly NetworkStream _stream;

    private HostileHost(NetworkStream stream, SessionKey key) => (_stream, Key) = (stream, key);

    public SessionKey Key { get; }

    public static async Task<HostileHost> ConnectAsync(IPEndPoint endpoint)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(endpoint);
        NetworkStream stream = new(socket, ownsSocket: true);
        SessionKey key = await SharedSecretHandshake.AuthenticateAsync(
            stream, NodeUnderAttack.Secret, HandshakeRole.Dialer, TimeSpan.FromSeconds(10), TimeProvider.System);
        return new HostileHost(stream, key);
    }

    /// <summary>Connects and greets as an honest host does.</summary>
    public static async Task<HostileHost> GreetAsync(IPEndPoint endpoint)
    {
        HostileHost host = await ConnectAsync(endpoint);
        await host.SendAsync("""{"is":"host","version":4,"intervalSeconds":1,"timeoutSeconds":30}""");
        return host;
    }

    public Task SendAsync(string json, ushort type = MessageFrame) => SendAsync(Encoding.UTF8.GetBytes(json), type);

    public async Task SendAsync(byte[] payload, ushort type = MessageFrame, uint? claimed = null)
    {
        byte[] frame = new byte[HeaderSize + payload.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, claimed ?? (uint)payload.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(4), type);
        payload.CopyTo(frame.AsSpan(HeaderSize));
        await _stream.WriteAsync(frame);
    }

    /// <summary>The next message that is no greeting, or null when the node has closed the connection.</summary>
    public async Task<JsonNode?> ReadAsync()
    {
        try
        {
            while (true)
            {
                byte[] header = new byte[HeaderSize];
                await _stream.ReadExactlyAsync(header);
                byte[] payload = new byte[BinaryPrimitives.ReadUInt32LittleEndian(header)];
                await _stream.ReadExactlyAsync(payload);
                if (BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(4)) == MessageFrame
                    && JsonNode.Parse(payload) is { } message && (string?)message["is"] != "hello")
                {
                    return message;
                }
            }
        }
        catch (IOException)
        {
            return null;
        }
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();
}
