using System.Text.Json;
using Exo.Sdk.Control;

namespace Exo.Sdk.Tests.Cluster.Control;

/// <summary>An error of a node is the same error at its host.</summary>
public sealed class RemoteErrorTests
{
    private static readonly Exception[] All =
    [
        new ModelFormatException("model.safetensors", "it is cut off", "100 bytes", "99 bytes", "lm_head.weight", 42),
        new ModelFormatException("config.json", "it is empty"),
        new UnsupportedModelException("rope type 'spiral'", ["default", "llama3"]),
        new PlanRefusedException(["it is too large", "add a machine"]),
        new PeerLostException(3, "connection reset"),
        new ConfigurationException("no such model"),
        new ProtocolException("a bad frame", new IOException("inner")),
        new UnavailableException("no such transport"),
        new BackendException("out of memory"),
        new NodeException("other", "it said no"),
    ];

    public static TheoryData<Exception> Errors => [.. All];

    public static TheoryData<string> Kinds => [.. All.Select(static error => error.GetType().Name).Distinct()];

    [Theory]
    [MemberData(nameof(Errors))]
    public void A_typed_error_arrives_as_what_it_was(Exception error)
    {
        ExoException arrived = Travel(RemoteError.Of(error)).ToException("box");
        arrived.Should().BeOfType(error.GetType());
        arrived.ToString().Should().Contain("box", "the node is named");
        switch (error)
        {
            case ModelFormatException format:
                arrived.Should().BeEquivalentTo(
                    new { format.File, format.Expected, format.Found, format.Tensor, format.Offset, Problem = $"on node box: {format.Problem}" });
                break;
            case UnsupportedModelException unsupported:
                arrived.Should().BeEquivalentTo(new { Feature = $"{unsupported.Feature} on node box", unsupported.Supported });
                break;
            case PlanRefusedException refused:
                ((PlanRefusedException)arrived).Reasons.Should().Equal(["node box says", .. refused.Reasons]);
                break;
            case PeerLostException lost:
                arrived.Should().BeEquivalentTo(new { lost.LostRank, lost.Reason });
                break;
            default:
                arrived.Message.Should().Contain(error.Message);
                break;
        }
    }

    [Theory]
    [InlineData("InvalidOperationException")]
    [InlineData("")]
    [InlineData("PeerLostException")]
    [InlineData("System.Exception, System.Private.CoreLib")]
    public void Whatever_else_it_was_is_the_nodes_error(string kind) =>
        Travel(new RemoteError(kind, "it broke")).ToException("box").Should().BeOfType<NodeException>().Which.Message.Should().Contain("it broke");

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_hostile_node_neither_fills_the_host_nor_writes_on_its_terminal(string kind)
    {
        string[] texts = [.. Enumerable.Repeat("\u001b[2J" + new string('x', 100_000), 1000)];
        RemoteError hostile = new(kind, texts[0])
        {
            File = texts[0],
            Problem = texts[0],
            Expected = texts[0],
            Found = texts[0],
            Tensor = texts[0],
            Feature = texts[0],
            Texts = texts,
            LostRank = int.MinValue,
            Offset = long.MinValue,
        };
        string told = hostile.ToException("box").ToString();
        told.Length.Should().BeLessThan(300_000);
        told.Should().NotContain("\u001b");
        hostile.ToString().Should().NotContain("\u001b");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_a_node_leaves_out_is_no_fault_of_the_host(string kind)
    {
        RemoteError bare = JsonSerializer.Deserialize<RemoteError>(
            $$"""{"kind":"{{kind}}","message":"m","texts":[null]}""", ControlJson.Default.Options)!;
        bare.ToException("box").Message.Should().NotBeEmpty();
    }

    private static RemoteError Travel(RemoteError error)
    {
        string json = JsonSerializer.Serialize(new ErrorReply(error), ControlJson.Default.ControlMessage);
        return ((ErrorReply)JsonSerializer.Deserialize(json, ControlJson.Default.ControlMessage)!).Error;
    }
}
