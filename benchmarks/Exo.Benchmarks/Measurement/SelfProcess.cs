using System.Diagnostics;
using System.Reflection;

namespace Exo.Benchmarks.Measurement;

/// <summary>
/// This program started once more, so that a measurement has a process of its own. It talks in lines: results on standard output,
/// anything for people on standard error. Ended, if need be by force, when it is disposed.
/// </summary>
internal sealed class SelfProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private readonly Process _process;

    private SelfProcess(Process process) => _process = process;

    public static SelfProcess Start(params IEnumerable<string> arguments)
    {
        string program = Environment.ProcessPath!;
        ProcessStartInfo start = new(program) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
        {
            start.ArgumentList.Add(Assembly.GetEntryAssembly()!.Location);
        }

        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return new SelfProcess(Process.Start(start)!);
    }

    /// <summary>Starts a measurement and returns the last line it writes.</summary>
    public static async Task<string> RunAsync(CancellationToken cancellationToken, params IEnumerable<string> arguments)
    {
        using SelfProcess process = Start(arguments);
        process._process.StandardInput.Close();
        string last = "";
        while (await process.ReadLineOrEndAsync(cancellationToken) is { } line)
        {
            last = line;
        }

        await process._process.WaitForExitAsync(cancellationToken);
        return process._process.ExitCode == 0 ? last : throw new InvalidOperationException($"The measurement failed: {string.Join(' ', arguments)}");
    }

    public async Task<string> ReadLineAsync(CancellationToken cancellationToken) =>
        await ReadLineOrEndAsync(cancellationToken) ?? throw new InvalidOperationException("The measuring process ended early.");

    public async Task WriteLineAsync(string line) => await _process.StandardInput.WriteLineAsync(line);

    public void Dispose()
    {
        if (!_process.HasExited && !_process.WaitForExit(2000))
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private async Task<string?> ReadLineOrEndAsync(CancellationToken cancellationToken) =>
        await _process.StandardOutput.ReadLineAsync(cancellationToken).AsTask().WaitAsync(Patience, cancellationToken);
}
