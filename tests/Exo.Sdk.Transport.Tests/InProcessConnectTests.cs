namespace Exo.Sdk.Transport.Tests;

public sealed class InProcessConnectTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private readonly InProcessTransport _transport = new();

    [Fact]
    public async Task Another_secret_or_an_older_epoch_is_refused_and_the_group_still_meets()
    {
        string[] addresses = await OpenAsync(2);
        Task<ICollective> first = Connect(addresses, 0);

        (await Failure(Connect(addresses, 1, group => group with { Secret = new byte[] { 9 } }))).Should().BeOfType<ProtocolException>()
            .Which.Message.Should().Contain("secret");
        (await Failure(Connect(addresses, 1, group => group with { Epoch = 4 }))).Should().BeOfType<ProtocolException>()
            .Which.Message.Should().Contain("expected epoch 4, found 5");
        (await Failure(Connect(addresses, 0))).Should().BeOfType<ProtocolException>().Which.Message.Should().Contain("twice");

        using ICollective second = await Connect(addresses, 1).WaitAsync(Patience);
        (await first.WaitAsync(Patience)).Dispose();
    }

    [Fact]
    public async Task A_newer_epoch_turns_away_those_that_wait_in_the_older_one()
    {
        string[] addresses = await OpenAsync(2);
        Task<ICollective> stale = Connect(addresses, 0);
        Task<ICollective> fresh = Connect(addresses, 1, group => group with { Epoch = 6 });

        (await Failure(stale)).Should().BeOfType<ProtocolException>().Which.Message.Should().Contain("expected epoch 5, found 6");
        using ICollective first = await Connect(addresses, 0, group => group with { Epoch = 6 }).WaitAsync(Patience);
        (await fresh.WaitAsync(Patience)).Dispose();
    }

    private readonly List<ITransportEndpoint> _endpoints = [];

    private async Task<string[]> OpenAsync(int size)
    {
        for (int rank = 0; rank < size; rank++)
        {
            _endpoints.Add(await _transport.OpenAsync(new TransportOptions()));
        }

        return [.. _endpoints.Select(endpoint => endpoint.Address)];
    }

    private Task<ICollective> Connect(
        string[] addresses, int rank, Func<GroupDescription, GroupDescription>? change = null, CancellationToken token = default)
    {
        GroupDescription group = new() { Epoch = 5, Rank = rank, Addresses = addresses, Secret = new byte[] { 1 } };
        return _endpoints[rank].ConnectAsync(change is null ? group : change(group), token).AsTask();
    }

    private static async Task<Exception?> Failure(Task<ICollective> connecting) =>
        await Record.ExceptionAsync(() => connecting.WaitAsync(Patience));
}
