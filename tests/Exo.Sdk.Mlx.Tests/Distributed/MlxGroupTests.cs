using Exo.Sdk.Mlx.Distributed;
using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Tests.Support;

namespace Exo.Sdk.Mlx.Tests.Distributed;

/// <summary>How MLX's own group is set up, on the stand-in, in both forms of the call.</summary>
[Collection(AloneCollection.Name)]
public sealed unsafe class MlxGroupTests
{
    private static readonly MlxBackendOptions Options = new() { Collectives = MlxCollectives.Ring };

    [StandinTheory]
    [InlineData(StandinForm.Current)]
    [InlineData(StandinForm.OldGroups)]
    public void The_description_is_there_for_the_call_alone(StandinForm form)
    {
        Standin standin = new(form);
        MlxApi api = MlxLibrary.Load(standin.Path);
        api.GroupsAreReturned.Should().Be(form == StandinForm.OldGroups);

        MlxGroup group = MlxGroup.Connect(api, Options, new Peers(1, 2, "+session"));

        api.GroupRank(group.Handle).Should().Be(1);
        api.GroupSize(group.Handle).Should().Be(2);
        standin.HostFile.Should().MatchRegex("""^\[\["127\.0\.0\.1:7000"\],\["127\.0\.0\.1:[0-9]+"\]\]$""");
        standin.HostMode.Should().Be(0b111_000_000, "nobody else may read the description");
        File.Exists(standin.HostPath).Should().BeFalse();
        NativeEnvironment.Get("MLX_HOSTFILE").Should().BeNull();
        NativeEnvironment.Get("MLX_RANK").Should().BeNull();
        standin.Live.Should().Be(1, "the group itself lives on");
        standin.ShouldBeInOrder();

        // The same processes again.
        MlxGroup.Connect(api, Options, new Peers(1, 2, "session")).Handle.Should().Be(group.Handle);

        // Others.
        FluentActions.Invoking(() => MlxGroup.Connect(api, Options, new Peers(1, 2, "+other"))).Should().Throw<UnavailableException>().WithMessage("*Restart*");
    }

    [StandinTheory]
    [InlineData(StandinForm.Current)]
    [InlineData(StandinForm.OldGroups)]
    public void A_refusal_says_why_and_leaves_nothing_behind(StandinForm form)
    {
        Standin standin = new(form);
        MlxApi api = MlxLibrary.Load(standin.Path);
        standin.Fail("mlx_distributed_init");

        FluentActions.Invoking(() => MlxGroup.Connect(api, Options, new Peers(1, 2, "+session"))).Should().Throw<UnavailableException>()
            .WithMessage("*as rank 1 of 2: [ring] the group is not described.");

        standin.Live.Should().Be(0);
    }

    [StandinFact]
    public void Threads_of_one_process_are_refused()
    {
        MlxApi api = MlxLibrary.Load(new Standin().Path);

        FluentActions.Invoking(() => MlxGroup.Connect(api, Options, new Peers(1, 2, "+session") { IsSameProcess = true })).Should().Throw<UnavailableException>()
            .WithMessage("*process of its own*");
    }

    [Fact]
    public void A_rank_that_describes_itself_wrongly_is_refused()
    {
        RankOffer mine = RankOffer.OfThisProcess("");
        foreach (string text in (string[])["", "null", "[]", """{"Session":"","Machine":"a","ProcessId":1,"Port":70000,"Addresses":[]}""", """{"Session":"","Machine":"a","ProcessId":1,"Port":7,"Addresses":["x"]}""", """{"Session":"","Machine":"a","ProcessId":1,"Port":7,"Addresses":[null]}""", """{"Session":"","Machine":"a","ProcessId":1,"Port":7,"Addresses":[],"Cables":[null]}"""])
        {
            FluentActions.Invoking(() => RankOffer.Exchange(new Peers(1, 2, "") { Text = text }, mine)).Should().Throw<ProtocolException>(text);
        }
    }

    [Fact]
    public void Variables_are_put_back_as_they_were()
    {
        Dictionary<string, string> inner = new() { ["EXO_MLX_TEST"] = "inner", ["EXO_MLX_TEST_2"] = "x" };
        NativeEnvironment.With(new Dictionary<string, string> { ["EXO_MLX_TEST"] = "outer" }, () =>
        {
            FluentActions.Invoking(() => NativeEnvironment.With(inner, () =>
            {
                NativeEnvironment.Get("EXO_MLX_TEST").Should().Be("inner");
                throw new BackendException("broken");
            })).Should().Throw<BackendException>();
            NativeEnvironment.Get("EXO_MLX_TEST").Should().Be("outer");
            NativeEnvironment.Get("EXO_MLX_TEST_2").Should().BeNull();
        });
        NativeEnvironment.Get("EXO_MLX_TEST").Should().BeNull();
    }

    /// <summary>A group whose other ranks say what rank 0 of this machine would.</summary>
    private sealed class Peers(int rank, int size, string session) : ICollective
    {
        private byte[]? _message;

        public string? Text { get; init; }

        public bool IsSameProcess { get; init; }

        public int Rank => rank;

        public int Size => size;

        public ulong Epoch => 1;

        public void Broadcast(Span<byte> message, int root)
        {
            if (root == rank)
            {
                return;
            }

            if (_message is null)
            {
                RankOffer mine = RankOffer.OfThisProcess("");
                _message = Text is null
                    ? System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new RankOffer(session, mine.Machine, IsSameProcess ? mine.ProcessId : 0, 7000, mine.Addresses))
                    : System.Text.Encoding.UTF8.GetBytes(Text);
                BitConverter.TryWriteBytes(message, _message.Length);
                return;
            }

            _message.CopyTo(message);
            _message = null;
        }

        public void AllReduceSum(Span<float> values) => throw new NotSupportedException();

        public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts) => throw new NotSupportedException();

        public void Send(ReadOnlySpan<byte> message, int peer) => throw new NotSupportedException();

        public void Receive(Span<byte> message, int peer) => throw new NotSupportedException();

        public ICollective? Split(int color, int key) => throw new NotSupportedException();

        public void Barrier() => throw new NotSupportedException();

        public void WaitForMessage(int peer) => throw new NotSupportedException();

        public void Abort(int lostRank, string reason) => throw new NotSupportedException();

        public void Dispose()
        {
        }

    }
}
