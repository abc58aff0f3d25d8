namespace Exo.Cli.Tests;

/// <summary><c>exo run</c>: standard output carries the text alone, and the same text however the model is shared out.</summary>
public sealed class RunCommandTests(RunCommandTests.OneRank one) : IClassFixture<RunCommandTests.OneRank>
{
    private static readonly string[] Raw = ["run", "--raw", "", "--temperature", "0", "--max-tokens", "20", "--threads", "1"];

    [Fact]
    public void One_rank_writes_text_to_standard_output_and_figures_to_standard_error()
    {
        one.Result.ExitCode.Should().Be(0, one.Result.Error);
        one.Result.Output.Should().NotBeEmpty().And.NotContain("tok/s").And.NotContain("\uFFFD").And.NotStartWith("\uFEFF");
        one.Result.Error.Should().Contain("[1 ranks over in-process, prompt 1 tokens").And.Contain("generated 20 at").And.Contain("Length");
    }

    [Theory]
    [InlineData("in-process", "--ranks", "2")]
    [InlineData("shared-memory", "--ranks", "2", "--processes")]
    [InlineData("in-process", "--ranks", "3", "--shares", "2:1:1")]
    [InlineData("shared-memory", "--ranks", "3", "--shares", "2:1:1", "--processes")]
    public async Task Any_ranks_write_the_same_text(string transport, params string[] ranks)
    {
        ExoResult result = await ExoProcess.RunAsync([.. Raw, .. ranks]);
        result.ExitCode.Should().Be(0, result.Error);
        result.Output.Should().Be(one.Result.Output);
        result.Error.Should().Contain($"[{ranks[1]} ranks over {transport}, ");
    }

    [LinuxFact]
    public async Task The_transport_and_its_reason_are_told()
    {
        ExoResult chosen = await ExoProcess.RunAsync([.. Raw, "--ranks", "2", "--processes"]);
        chosen.Error.Should().Contain("[over shared-memory: rdma was passed over (").And.Contain("all ranks are processes of this machine]");

        ExoResult forced = await ExoProcess.RunAsync([.. Raw, "--ranks", "2", "--processes", "--transport", "tcp"]);
        forced.ExitCode.Should().Be(0, forced.Error);
        forced.Output.Should().Be(one.Result.Output);
        forced.Error.Should().Contain("[over tcp: it was asked for").And.Contain("[2 ranks over tcp, ");
    }

    [Theory]
    [InlineData("BFloat16")]
    [InlineData("int8blocks")]
    public async Task Reduced_precision_on_the_wire_reaches_every_rank(string precision)
    {
        // Ranks that had not agreed on it would refuse each other's messages.
        ExoResult result = await ExoProcess.RunAsync([.. Raw, "--ranks", "2", "--processes", "--wire", precision]);
        result.ExitCode.Should().Be(0, result.Error);
        result.Output.Should().NotBeEmpty();
    }

    [Fact]
    public async Task Quiet_writes_nothing_but_the_text()
    {
        ExoResult result = await ExoProcess.RunAsync([.. Raw, "--quiet"]);
        result.Should().Be(new ExoResult(0, one.Result.Output, ""));
    }

    [Fact]
    public async Task A_message_may_come_as_an_argument_or_from_standard_input()
    {
        string[] options = ["run", "--temperature", "0", "--max-tokens", "10", "--quiet", "--threads", "1"];
        ExoResult argument = await ExoProcess.RunAsync([.. options, "Hello!"]);
        argument.ExitCode.Should().Be(0, argument.Error);
        argument.Output.Should().NotBeEmpty();

        using ExoProcess reading = ExoProcess.Start(options, keepInputOpen: true);
        await reading.WriteAndCloseInputAsync("Hello!\n");
        (await reading.EndAsync()).Should().Be(argument);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData(" \r\n\n")]
    public async Task Nothing_on_standard_input_is_no_message(string input)
    {
        using ExoProcess reading = ExoProcess.Start(["run", "--quiet"], keepInputOpen: true);
        await reading.WriteAndCloseInputAsync(input);
        ExoResult result = await reading.EndAsync();
        result.ExitCode.Should().Be(1);
        result.Output.Should().BeEmpty();
        result.Error.Should().Contain("message is empty");
    }

    [Fact]
    public async Task A_message_that_begins_with_a_dash_goes_behind_two()
    {
        string[] options = ["run", "--temperature", "0", "--max-tokens", "3", "--quiet", "--threads", "1"];
        (await ExoProcess.RunAsync([.. options, "--", "-1 plus 2?"])).ExitCode.Should().Be(0);
        ExoResult refused = await ExoProcess.RunAsync([.. options, "-1 plus 2?"]);
        refused.ExitCode.Should().Be(1);
        refused.Error.Should().Contain("'-1 plus 2?'").And.Contain("--");
    }

    public sealed class OneRank : IAsyncLifetime
    {
        internal ExoResult Result { get; private set; } = null!;

        public async Task InitializeAsync() => Result = await ExoProcess.RunAsync(Raw);

        public Task DisposeAsync() => Task.CompletedTask;
    }
}
