using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Exo.Sdk;
using Xunit.Abstractions;

namespace Exo.Cli.Tests.Attacks;

/// <summary>A peer that holds the key, and orders what no node should do.</summary>
public sealed class HostileOrderTests(HostileOrderTests.Node node, ITestOutputHelper output) : IClassFixture<HostileOrderTests.Node>
{
    private const int StatusOrders = 200_000;

    /// <summary>Changes to a sound order to load: a path in it, the JSON there, and what the node answers.</summary>
    public static TheoryData<string, string, string> Loads => new()
    {
        { "options.threadCount", "20000", "ProtocolException: *20000 threads; this node takes 1 to *" },
        { "options.threadCount", "0", "ProtocolException: *0 threads*" },
        { "options.threadCount", "-1", "ProtocolException: *-1 threads*" },
        { "options.maxSequences", "2147483647", "ProtocolException: *2147483647 sequences*" },
        { "options.maxBatchTokens", "2147483647", "ProtocolException: *2147483647 tokens of a step*" },
        { "options.maxBatchTokens", "0", "ProtocolException: *0 tokens of a step*" },
        { "options.contextLength", "2147483647", "ProtocolException: *tokens of context*" },
        { "options.contextLength", "-5", "ProtocolException: *-5 tokens of context*" },
        { "options.processors", "[1000000]", "ProtocolException: *1000000 processor number*" },
        { "options.processors", "[0,0,0,0,0]", "ProtocolException: *5 bound processors*" },
        { "options.activations", "77", "ProtocolException: *77 is unknown*" },
        { "options.keyValues", "-1", "ProtocolException: *-1 is unknown*" },
        { "wirePrecision", "9", "ProtocolException: *9 is unknown*" },
        { "deadlineSeconds", "1e300", "ProtocolException: *deadline*" },
        { "deadlineSeconds", "-1", "ProtocolException: *deadline*" },
        { "deadlineSeconds", "1e9", "ProtocolException: *deadline*" },
        { "connectSeconds", "0", "ProtocolException: *connect timeout*" },
        { "connectSeconds", "1e12", "ProtocolException: *connect timeout*" },
        { "epoch", "0", "ProtocolException: *sealed secret*" },
        { "addresses", "[]", "ProtocolException: *0 ranks*" },
        { "addresses", "[null,null]", "ProtocolException: *address is missing*" },
        { "sealedSecret", "\"\"", "ProtocolException: *sealed secret*" },
        { "sealedSecret", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", "ProtocolException: *sealed secret*" },
        { "assignment.rank", "2", "ProtocolException: *rank 2 of 2*" },
        { "assignment.rank", "-1", "ProtocolException: *rank -1 of 2*" },
        { "assignment.worldSize", "1000000", "ProtocolException: *1 of 1000000*" },
        { "assignment.queryHeads", """{"start":-1,"count":2}""", "ProtocolException: *query heads*" },
        { "assignment.queryHeads", """{"start":2147483647,"count":2147483647}""", "ProtocolException: *query heads*" },
        { "assignment.keyValueHeads", """{"start":0,"count":0}""", "ProtocolException: *key-value heads*" },
        { "assignment.channels", """{"start":0,"count":2147483647}""", "ProtocolException: *channels*" },
        { "assignment.tokens", """{"start":1000000,"count":1}""", "ProtocolException: *vocabulary entries*" },
        { "assignment", "null", "closed" },
        { "options", "null", "closed" },
        { "addresses", "null", "closed" },
        { "sealedSecret", "null", "closed" },
        { "options.threadCount", "1e99", "closed" },
        { "assignment.rank", "\"one\"", "closed" },
    };

    [Theory]
    [MemberData(nameof(Loads))]
    public async Task An_order_to_load_beyond_the_limits_is_refused(string path, string json, string answer)
    {
        await using HostileHost host = await HostileHost.GreetAsync(node.Attacked.Endpoint);
        await node.OpenAsync(host);
        JsonNode order = Node.LoadOrder(host);
        JsonNode at = order;
        string[] steps = path.Split('.');
        foreach (string step in steps[..^1])
        {
            at = at[step]!;
        }

        at[steps[^1]] = JsonNode.Parse(json);
        await host.SendAsync(order.ToJsonString());
        await ExpectAsync(host, answer);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"is":"nothing"}""")]
    [InlineData("""{"is":"hello","version":4,"name":"x","processId":1,"backends":[],"transports":[]}""")]
    [InlineData("""{"is":"loaded","memory":{"processId":1,"residentBefore":1,"resident":1,"shard":{}}}""")]
    [InlineData("""{"is":"host","version":4,"intervalSeconds":1,"timeoutSeconds":30}""")]
    [InlineData("""{"is":"open"}""")]
    [InlineData("""{"is":"open","modelFolder":null,"fingerprint":null,"backend":null,"transport":null}""")]
    [InlineData("""{"is":"abort","lostRank":1}""")]
    [InlineData("""{"is":"load"}""")]
    public async Task A_message_of_a_wrong_form_ends_the_session(string json)
    {
        await using HostileHost host = await HostileHost.GreetAsync(node.Attacked.Endpoint);
        await host.SendAsync(json);
        await ExpectAsync(host, "closed");
    }

    [Theory]
    [InlineData("""{"is":"status?"}""")]
    [InlineData("""{"is":"host","version":3,"intervalSeconds":1,"timeoutSeconds":30}""")]
    [InlineData("""{"is":"host","version":4,"intervalSeconds":1,"timeoutSeconds":1e12}""")]
    [InlineData("""{"is":"host","version":4,"intervalSeconds":0,"timeoutSeconds":30}""")]
    public async Task A_session_begins_with_a_sound_hello(string json)
    {
        await using HostileHost host = await HostileHost.ConnectAsync(node.Attacked.Endpoint);
        await host.SendAsync(json);
        await ExpectAsync(host, "closed");
    }

    [Theory]
    [InlineData("""{"is":"status?"}""", "ProtocolException: *before the open order*")]
    [InlineData("""{"is":"open","modelFolder":"/etc","fingerprint":"","backend":"cpu","transport":"tcp"}""", "ConfigurationException: *'/etc' is not on this node*")]
    [InlineData("""{"is":"open","modelFolder":"../../../etc","fingerprint":"","backend":"cpu","transport":"tcp"}""", "ConfigurationException: *is not on this node*")]
    [InlineData("""{"is":"open","modelFolder":"..","fingerprint":"","backend":"cpu","transport":"tcp"}""", "ConfigurationException: *is not on this node*")]
    [InlineData("""{"is":"open","modelFolder":"","fingerprint":"","backend":"cpu","transport":"tcp"}""", "ConfigurationException: *is not on this node*")]
    [InlineData("""{"is":"open","modelFolder":"a\u0000b","fingerprint":"","backend":"cpu","transport":"tcp"}""", "ConfigurationException: *is not on this node*")]
    [InlineData("""{"is":"open","modelFolder":"exo-tiny","fingerprint":"","backend":"\u001b[2J","transport":"tcp"}""", "UnavailableException: *compute backend '\\u001b*")]
    [InlineData("""{"is":"open","modelFolder":"exo-tiny","fingerprint":"","backend":"cpu","transport":"no"}""", "UnavailableException: *transport 'no'*")]
    public async Task An_order_that_cannot_be_followed_is_answered(string json, string answer)
    {
        await using HostileHost host = await HostileHost.GreetAsync(node.Attacked.Endpoint);
        await host.SendAsync(json);
        await ExpectAsync(host, answer);
    }

    [LinuxFact]
    public async Task Texts_without_end_are_refused()
    {
        await using HostileHost host = await HostileHost.GreetAsync(node.Attacked.Endpoint);
        await host.SendAsync($$"""{"is":"open","modelFolder":"{{new string('a', 100_000)}}","fingerprint":"","backend":"cpu","transport":"tcp"}""");
        await ExpectAsync(host, "ProtocolException: *model folder has 100000 characters*");
    }

    [LinuxFact]
    public async Task Deep_nesting_and_frames_without_end_end_the_session()
    {
        await using HostileHost deep = await HostileHost.GreetAsync(node.Attacked.Endpoint);
        await deep.SendAsync("""{"is":"load","options":""" + new string('[', 100_000) + new string(']', 100_000) + "}");
        await ExpectAsync(deep, "closed");
        await using HostileHost large = await HostileHost.GreetAsync(node.Attacked.Endpoint);
        await large.SendAsync([], claimed: uint.MaxValue);
        await ExpectAsync(large, "closed");
        await using HostileHost unknown = await HostileHost.GreetAsync(node.Attacked.Endpoint);
        await unknown.SendAsync("{}", type: 77);
        await ExpectAsync(unknown, "closed");
    }

    /// <summary>The whole of it, again and again, and an honest host between: nothing adds up.</summary>
    [LinuxFact]
    public async Task Orders_without_number_cost_the_node_nothing()
    {
        Footprint before = node.Attacked.Measure();
        long most = 0;
        for (int round = 0; round < 3; round++)
        {
            await using HostileHost host = await HostileHost.GreetAsync(node.Attacked.Endpoint);
            await node.OpenAsync(host);
            try
            {
                // Never reads an answer.
                for (int i = 0; i < StatusOrders; i++)
                {
                    await host.SendAsync("""{"is":"status?"}""");
                    most = i % 1000 == 0 ? Math.Max(most, node.Attacked.Measure().Bytes) : most;
                }

                Assert.Fail("The node takes orders without number.");
            }
            catch (IOException)
            {
                // The node has ended the session.
            }

            await node.Attacked.ServesAsync();
        }

        Footprint after = await node.Attacked.SettleAsync(before);
        output.WriteLine($"before: {before}; at most {most >> 20} MiB; after: {after}");
        most.Should().BeLessThan(before.Bytes + (80L << 20));
    }

    [LinuxFact]
    public async Task A_failed_load_leaves_nothing_and_a_second_one_is_refused()
    {
        Footprint before = node.Attacked.Measure();
        for (int round = 0; round < 5; round++)
        {
            await using HostileHost host = await HostileHost.GreetAsync(node.Attacked.Endpoint);
            string address = await node.OpenAsync(host);
            JsonNode order = Node.LoadOrder(host);
            order["addresses"]![1] = address;
            order["connectSeconds"] = 0.2; // The other rank is not there.
            await host.SendAsync(order.ToJsonString());
            await ExpectAsync(host, "PeerLostException: *");
            await host.SendAsync(order.ToJsonString());
            await ExpectAsync(host, "ProtocolException: *load order already*");
        }

        await node.Attacked.ServesAsync();
        output.WriteLine($"before: {before}; after: {await node.Attacked.SettleAsync(before)}");
    }

    /// <summary>Whoever takes the node and then falls silent, or just leaves, does not keep it.</summary>
    [LinuxFact]
    public async Task A_host_that_left_does_not_keep_the_node()
    {
        for (int round = 0; round < 3; round++)
        {
            HostileHost host = await HostileHost.GreetAsync(node.Attacked.Endpoint);
            string address = await node.OpenAsync(host);
            JsonNode order = Node.LoadOrder(host);
            order["addresses"]![1] = address;
            await host.SendAsync(order.ToJsonString());
            await host.DisposeAsync();
            await node.Attacked.ServesAsync();
        }
    }

    private static async Task ExpectAsync(HostileHost host, string answer)
    {
        JsonNode? message = await host.ReadAsync().WaitAsync(TimeSpan.FromSeconds(10));
        string found = message is null ? "closed"
            : (string?)message["is"] == "error" ? $"{message["error"]!["kind"]}: {message["error"]!["message"]}"
            : message.ToJsonString();
        found.Should().Match(answer);
    }

    /// <summary>One node for all attacks: whatever one of them leaves behind, the next one and the honest host meet.</summary>
    public sealed class Node : IAsyncLifetime
    {
        private string _fingerprint = "";

        internal NodeUnderAttack Attacked { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Attacked = await NodeUnderAttack.StartAsync();
            await using HostileHost host = await HostileHost.GreetAsync(Attacked.Endpoint);
            await host.SendAsync(OpenOrder(""));
            string? message = (string?)(await host.ReadAsync())!["error"]!["message"];
            _fingerprint = Regex.Match(message!, "fingerprint ([0-9a-f]{64})").Groups[1].Value;
        }

        public async Task DisposeAsync()
        {
            await Attacked.ServesAsync();
            Attacked.Dispose();
        }

        /// <summary>Opens the model as an honest host does.</summary>
        /// <returns>The node's address on the data plane.</returns>
        internal async Task<string> OpenAsync(HostileHost host)
        {
            await host.SendAsync(OpenOrder(_fingerprint));
            JsonNode? answer = await host.ReadAsync().WaitAsync(TimeSpan.FromSeconds(10));
            ((string?)answer?["is"]).Should().Be("opened", answer?.ToJsonString());
            return (string)answer!["address"]!;
        }

        /// <summary>A sound order for the second of two ranks, which waits for the first for ever.</summary>
        internal static JsonNode LoadOrder(HostileHost host)
        {
            JsonNode order = JsonNode.Parse("""
                {
                  "is": "load", "epoch": 7, "addresses": ["127.0.0.1:1", "127.0.0.1:2"], "connectSeconds": 5, "deadlineSeconds": 5, "wirePrecision": 0,
                  "assignment": {
                    "rank": 1, "worldSize": 2, "queryHeads": {"start":0,"count":0}, "keyValueHeads": {"start":0,"count":0},
                    "channels": {"start":0,"count":0}, "tokens": {"start":0,"count":0}
                  },
                  "options": {"contextLength": 256, "maxSequences": 1, "maxBatchTokens": 16, "threadCount": 1, "activations": 0, "keyValues": 1}
                }
                """)!;
            order["sealedSecret"] = Convert.ToBase64String(host.Key.Seal(7, new byte[32]));
            Sdk.Planning.ShardAssignment half = SecondHalf.Value;
            JsonNode assignment = order["assignment"]!;
            assignment["queryHeads"] = Range(half.QueryHeads);
            assignment["keyValueHeads"] = Range(half.KeyValueHeads);
            assignment["channels"] = Range(half.Channels);
            assignment["tokens"] = Range(half.Tokens);
            return order;
        }

        private static readonly Lazy<Sdk.Planning.ShardAssignment> SecondHalf = new(static () =>
        {
            Cluster cluster = new ClusterBuilder().UseModel(TinyModel.Path).UseLocalRanks(2).BuildAsync().GetAwaiter().GetResult();
            Sdk.Planning.ShardAssignment half = cluster.Plan.Ranks[1].Assignment;
            cluster.DisposeAsync().AsTask().GetAwaiter().GetResult();
            return half;
        });

        private static JsonObject Range(Sdk.Models.IndexRange range) => new() { ["start"] = range.Start, ["count"] = range.Count };

        private static string OpenOrder(string fingerprint) =>
            $$"""{"is":"open","modelFolder":"exo-tiny","fingerprint":"{{fingerprint}}","backend":"cpu","transport":"tcp"}""";
    }
}
