using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Exo.Sdk.Transport.Sealing;

namespace Exo.Sdk.Transport.Tests.Sealing;

/// <summary>Who proves the secret is served, and who does not costs a place for a while and one line of report.</summary>
public sealed class ProvenListenerTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(32);

    [Fact]
    public async Task Who_proves_the_secret_is_served_with_the_connections_key()
    {
        TaskCompletionSource<ProvenConnection> served = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ProvenListener listener = Listen(new AdmissionLimits(), served: connection =>
        {
            served.SetResult(connection);
            return Task.CompletedTask;
        });
        using Socket socket = await DialAsync(listener);
        SessionKey key = await ProveAsync(socket, Secret);
        ProvenConnection proven = await served.Task.WaitAsync(Limit);
        proven.Peer.Should().EndWith($":{((IPEndPoint)socket.LocalEndPoint!).Port}");
        proven.Key.Open(1, key.Seal(1, Secret)).Should().Equal(Secret);
        proven.Socket.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    public async Task A_wrong_proof_is_refused_and_told(int bit)
    {
        ConcurrentQueue<AdmissionReport> reports = [];
        bool isServed = false;
        await using ProvenListener listener = Listen(new AdmissionLimits(), reports.Enqueue, _ =>
        {
            isServed = true;
            return Task.CompletedTask;
        });
        byte[] wrong = [.. Secret];
        wrong[bit / 8] ^= (byte)(1 << (bit % 8));
        using Socket socket = await DialAsync(listener);
        await FluentActions.Awaiting(() => ProveAsync(socket, wrong)).Should().ThrowAsync<ProtocolException>().WithMessage("*secret*");
        await UntilAsync(() => !reports.IsEmpty);
        reports.Should().ContainSingle().Which.Reason.Should().Contain("secret");
        isServed.Should().BeFalse();
    }

    [Fact]
    public async Task The_oldest_stranger_gives_way_and_a_proven_peer_does_not()
    {
        int served = 0;
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ProvenListener listener = Listen(new AdmissionLimits { MaxUnproven = 4 }, served: async connection =>
        {
            Interlocked.Increment(ref served);
            await release.Task;
            connection.Socket.Dispose();
        });
        using Socket honest = await DialAsync(listener);
        await ProveAsync(honest, Secret);
        await UntilAsync(() => Volatile.Read(ref served) == 1);
        List<Socket> strangers = [];
        for (int i = 0; i < 12; i++)
        {
            strangers.Add(await DialAsync(listener));
        }

        // Eight of them are closed again; which of the rest came last the system decides.
        await UntilAsync(() => strangers.Count(IsClosed) == 8);
        IsClosed(honest).Should().BeFalse();
        using Socket another = await DialAsync(listener);
        await ProveAsync(another, Secret);
        await UntilAsync(() => Volatile.Read(ref served) == 2);
        strangers.ForEach(static socket => socket.Dispose());
        release.SetResult();
    }

    [Fact]
    public async Task Proven_peers_have_bounded_places_too()
    {
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ConcurrentQueue<AdmissionReport> reports = [];
        int served = 0;
        await using ProvenListener listener = Listen(new AdmissionLimits { MaxProven = 1 }, reports.Enqueue, async connection =>
        {
            Interlocked.Increment(ref served);
            await release.Task;
            connection.Socket.Dispose();
        });
        using Socket first = await DialAsync(listener);
        await ProveAsync(first, Secret);
        using Socket second = await DialAsync(listener);
        await ProveAsync(second, Secret);
        await UntilAsync(() => IsClosed(second));
        reports.Should().ContainSingle().Which.Reason.Should().Contain("1 proven connections are open");
        IsClosed(first).Should().BeFalse();
        release.SetResult();
        await UntilAsync(() => IsClosed(first));

        // Its place is free a moment later.
        for (int i = 0; i < 100 && Volatile.Read(ref served) < 2; i++)
        {
            using Socket next = await DialAsync(listener);
            await ProveAsync(next, Secret);
            await Task.Delay(20);
        }

        served.Should().BeGreaterThanOrEqualTo(2);
    }

    [Fact]
    public async Task Many_refusals_are_one_report()
    {
        ConcurrentQueue<AdmissionReport> reports = [];
        await using (ProvenListener listener = Listen(new AdmissionLimits { ReportInterval = TimeSpan.FromMinutes(1) }, reports.Enqueue))
        {
            for (int i = 0; i < 50; i++)
            {
                using Socket socket = await DialAsync(listener);
                await socket.SendAsync(RandomNumberGenerator.GetBytes(64));
                await UntilAsync(() => IsClosed(socket));
            }
        }

        reports.Should().ContainSingle();
    }

    [Fact]
    public async Task A_silent_stranger_is_dropped_after_its_time_and_disposing_does_not_wait_for_one()
    {
        ProvenListener listener = Listen(new AdmissionLimits { ProofTimeout = TimeSpan.FromMilliseconds(200) });
        using Socket socket = await DialAsync(listener);
        await UntilAsync(() => IsClosed(socket));
        await listener.DisposeAsync();

        ProvenListener patient = Listen(new AdmissionLimits { ProofTimeout = TimeSpan.FromHours(1) });
        using Socket silent = await DialAsync(patient);
        await Task.Delay(50);
        await patient.DisposeAsync().AsTask().WaitAsync(Limit);
        await UntilAsync(() => IsClosed(silent));
    }

    private static ProvenListener Listen(AdmissionLimits limits, Action<AdmissionReport>? report = null, Func<ProvenConnection, Task>? served = null) =>
        ProvenListener.Start(
            new IPEndPoint(IPAddress.Loopback, 0), Secret, limits, TimeProvider.System, served ?? (static _ => Task.CompletedTask), report ?? (static _ => { }));

    private static async Task<Socket> DialAsync(ProvenListener listener)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.Endpoint);
        return socket;
    }

    private static async Task<SessionKey> ProveAsync(Socket socket, byte[] secret)
    {
        await using NetworkStream stream = new(socket, ownsSocket: false);
        return await SharedSecretHandshake.AuthenticateAsync(stream, secret, HandshakeRole.Dialer, Limit, TimeProvider.System);
    }

    /// <summary>Whether the other end has closed: then there is an end to read, and the listener's hello is all that comes before it.</summary>
    private static bool IsClosed(Socket socket)
    {
        try
        {
            byte[] read = new byte[256];
            while (socket.Poll(TimeSpan.Zero, SelectMode.SelectRead))
            {
                if (socket.Receive(read) == 0)
                {
                    return true;
                }
            }

            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!holds())
        {
            System.Diagnostics.Stopwatch.GetElapsedTime(began).Should().BeLessThan(Limit);
            await Task.Delay(5);
        }
    }
}
