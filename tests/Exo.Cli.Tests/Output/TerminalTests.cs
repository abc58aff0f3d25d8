using System.Diagnostics;
using System.Text;
using Exo.Sdk.Input;
using Exo.Sdk.Testing;

namespace Exo.Cli.Tests.Output;

/// <summary>A model that says control characters: a pipe gets them, a terminal does not.</summary>
public sealed class TerminalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("exo-cli-").FullName;

    private string[] Run => ["run", "--model", _folder, "--raw", "", "--temperature", "1", "--seed", "3", "--ignore-end", "--max-tokens", "300", "--threads", "1", "--quiet"];

    [LinuxFact]
    public async Task Generated_text_steers_no_terminal()
    {
        RandomModel.Write(_folder, new RandomModelOptions { MaxContextLength = 400 });
        ExoResult piped = await ExoProcess.RunAsync(Run);
        piped.Output.Any(IsSteering).Should().BeTrue("the model of this test says such things");

        ProcessStartInfo start = new("script") { RedirectStandardOutput = true, RedirectStandardInput = true, StandardOutputEncoding = Encoding.UTF8 };
        Array.ForEach(["-q", "-e", "-c", $"{ExoProcess.CommandLine(Run)} 2>/dev/null", "/dev/null"], start.ArgumentList.Add);
        start.Environment["TERM"] = "dumb";
        using Process process = Process.Start(start)!;
        string shown = await process.StandardOutput.ReadToEndAsync().WaitAsync(ExoProcess.Limit);
        await process.WaitForExitAsync().WaitAsync(ExoProcess.Limit);

        process.ExitCode.Should().Be(0, shown);
        shown.Where(IsSteering).Should().BeEmpty();
        shown.Replace("\r\n", "\n", StringComparison.Ordinal).TrimEnd().Should().Be(HostileText.KeepReadable(piped.Output).TrimEnd());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // A terminal itself makes line ends of two characters.
    private static bool IsSteering(char c) => char.IsControl(c) && c is not ('\n' or '\t' or '\r');
}
