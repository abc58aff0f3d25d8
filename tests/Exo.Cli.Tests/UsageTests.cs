namespace Exo.Cli.Tests;

/// <summary>Help, and what a wrong call gets: an exit code, a message that names the culprit, and an untouched standard output.</summary>
public sealed class UsageTests
{
    [Theory]
    [InlineData("", "run", "logits", "plan", "profile", "node", "doctor", "--version")]
    [InlineData("run", "--model", "--ranks", "--shares", "--processes", "--node", "--raw", "--temperature", "--max-tokens", "--stop", "--backend", "--mlx-precision", "--transport", "shared-memory")]
    [InlineData("logits", "--model", "--ranks", "--tokens", "--json")]
    [InlineData("plan", "--model", "--ranks", "--shares", "--memory")]
    [InlineData("node", "--listen", "--cluster-key-file", "--model", "--mlx-precision", "--mlx-group")]
    [InlineData("profile", "--model", "--ranks", "--prompt", "--tokens", "--trace")]
    [InlineData("doctor", "--json", "--facts", "--from")]
    public async Task Help_names_every_option(string command, params string[] names)
    {
        ExoResult result = await ExoProcess.RunAsync(command.Length == 0 ? ["--help"] : [command, "--help"]);
        result.ExitCode.Should().Be(0);
        result.Output.Should().ContainAll(names);
        result.Error.Should().BeEmpty();
    }

    [Theory]
    [InlineData("--bogus", "run", "--bogus")]
    [InlineData("--ranks", "run", "--ranks", "zero")]
    [InlineData("--ranks", "run", "--ranks", "0")]
    [InlineData("--shares", "run", "--shares", "1:x")]
    [InlineData("shares", "run", "--raw", "x", "--ranks", "2", "--shares", "1:1:1")]
    [InlineData("--temperature", "run", "--temperature", "hot")]
    [InlineData("--temperature", "run", "--temperature", "-1")]
    [InlineData("--max-tokens", "run", "--max-tokens", "0")]
    [InlineData("--top-p", "run", "--top-p", "2")]
    [InlineData("--activations", "run", "--activations", "Int9")]
    [InlineData("--threads", "run", "--threads", "0")]
    [InlineData("--context", "run", "--context", "0")]
    [InlineData("cpu, mlx", "run", "--raw", "x", "--backend", "abacus")]
    [InlineData("package Exo.Sdk.OnnxRuntime", "run", "--raw", "x", "--backend", "onnxruntime")]
    [InlineData("'tcp'", "run", "--raw", "x", "--transport", "pigeon")]
    [InlineData("--backend mlx", "run", "--raw", "x", "--mlx-group", "Ring")]
    [InlineData("--heartbeat-timeout", "run", "--raw", "x", "--heartbeat-timeout", "0")]
    [InlineData("--connect-timeout", "run", "--raw", "x", "--connect-timeout", "-3")]
    [InlineData("message is empty", "run", "")]
    [InlineData("no-such-file", "doctor", "--from", "no-such-file")]
    [InlineData("host:port", "run", "--raw", "x", "--node", "nowhere")]
    [InlineData("no-such-file", "run", "--raw", "x", "--cluster-key-file", "no-such-file")]
    [InlineData("--tokens", "logits")]
    [InlineData("--tokens", "logits", "--tokens", "a")]
    [InlineData("5000", "logits", "--tokens", "5000")]
    [InlineData("--ranks", "plan", "--ranks", "-1")]
    [InlineData("--memory", "plan", "--memory", "0")]
    [InlineData("--listen", "node", "--listen", "nonsense")]
    [InlineData("cluster key", "node", "--listen", "0.0.0.0:0")]
    [InlineData("fly", "fly")]
    public async Task A_wrong_call_is_refused_with_the_name_of_what_is_wrong(string name, params string[] arguments)
    {
        ExoResult result = await ExoProcess.RunAsync(arguments);
        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain(name);
        result.Output.Should().BeEmpty();
    }

    [Theory]
    [InlineData("run", "--raw", "x")]
    [InlineData("logits", "--tokens", "1")]
    [InlineData("plan")]
    public async Task A_model_folder_that_is_not_there_is_named(params string[] arguments)
    {
        string folder = Path.Combine(Path.GetTempPath(), "no-such-model");
        ExoResult result = await ExoProcess.RunAsync([.. arguments, "--model", folder]);
        result.ExitCode.Should().Be(1);
        result.Error.Should().StartWith("exo: ").And.Contain(folder);
        result.Output.Should().BeEmpty();
    }

    [Fact]
    public async Task A_folder_that_is_no_model_is_named()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("exo-cli-");
        try
        {
            ExoResult result = await ExoProcess.RunAsync("run", "--raw", "x", "--model", folder.FullName);
            result.ExitCode.Should().Be(1);
            result.Error.Should().StartWith("exo: ").And.Contain(folder.FullName);
            result.Output.Should().BeEmpty();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
