using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

// Every test starts several processes on few cores; one at a time keeps their deadlines honest.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Exo.Cli.Tests;

/// <summary>What a run of <c>exo</c> left behind.</summary>
internal sealed record ExoResult(int ExitCode, string Output, string Error);

/// <summary>The built <c>exo</c> as a process of its own. Disposing it kills whatever is left of it and of its children.</summary>
internal sealed class ExoProcess : IDisposable
{
    /// <summary>Longer than anything here takes, also on a busy machine.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private const string Mark = "EXO_CLI_TEST_RUN";

    private readonly Process _process;
    private readonly string _mark;
    private readonly MemoryStream _output = new();
    private readonly StringBuilder _error = new();
    private readonly TaskCompletionSource _firstOutput = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;
    private Action<string>? _onErrorLine;

    private ExoProcess(Process process, string mark, Action<string>? onErrorLine)
    {
        _process = process;
        _mark = mark;
        _onErrorLine = onErrorLine;
        _reading = Task.WhenAll(ReadOutputAsync(), ReadErrorAsync());
    }

    public int Id => _process.Id;

    /// <summary>Starts exo.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="keepInputOpen">Whether its standard input stays open and silent.</param>
    /// <param name="onErrorLine">Called for each line of its standard error.</param>
    /// <param name="program">Another program that lies beside this one.</param>
    public static ExoProcess Start(
        string[] arguments, bool keepInputOpen = false, Action<string>? onErrorLine = null, string program = "exo.dll")
    {
        string mark = Guid.NewGuid().ToString("N");
        bool mustUnblock = IsInterruptIgnored();
        ProcessStartInfo start = new(mustUnblock ? "env" : Muxer())
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardErrorEncoding = Encoding.UTF8,
        };
        if (mustUnblock)
        {
            start.ArgumentList.Add("--default-signal=INT");
            start.ArgumentList.Add(Muxer());
        }

        start.ArgumentList.Add("exec");
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, program));
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // Children inherit it, so the whole family can be found after the parent is gone.
        start.Environment[Mark] = mark;
        Process process = Process.Start(start)!;
        if (!keepInputOpen)
        {
            process.StandardInput.Close();
        }

        return new ExoProcess(process, mark, onErrorLine);
    }

    /// <summary>
    /// A shell starts its background jobs with interrupts ignored, and children inherit that: tests of Ctrl-C under such a shell
    /// must give exo the ordinary disposition back.
    /// </summary>
    private static bool IsInterruptIgnored()
    {
        const string field = "SigIgn:";
        const ulong interruptBit = 1UL << (Signals.Interrupt - 1);
        string? line = OperatingSystem.IsLinux()
            ? File.ReadLines("/proc/self/status").FirstOrDefault(text => text.StartsWith(field, StringComparison.Ordinal))
            : null;
        return line is not null && (Convert.ToUInt64(line[field.Length..].Trim(), 16) & interruptBit) != 0;
    }

    /// <summary>Exo with arguments as a shell takes it.</summary>
    public static string CommandLine(string[] arguments) => string.Join(
        ' ', new[] { Muxer(), "exec", Path.Combine(AppContext.BaseDirectory, "exo.dll") }.Concat(arguments).Select(word => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));

    /// <summary>Runs exo to its end.</summary>
    public static async Task<ExoResult> RunAsync(params string[] arguments)
    {
        using ExoProcess process = Start(arguments);
        return await process.EndAsync();
    }

    /// <summary>Says something to its standard input and ends it.</summary>
    public async Task WriteAndCloseInputAsync(string text)
    {
        await _process.StandardInput.WriteAsync(text);
        _process.StandardInput.Close();
    }

    /// <summary>Waits for the end.</summary>
    public async Task<ExoResult> EndAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Limit);
        await _reading.WaitAsync(Limit);
        return new ExoResult(_process.ExitCode, Encoding.UTF8.GetString(_output.ToArray()), _error.ToString());
    }

    /// <summary>Waits until something has been written to standard output.</summary>
    public async Task FirstOutputAsync()
    {
        await Task.WhenAny(_firstOutput.Task, _reading).WaitAsync(Limit);
        _firstOutput.Task.IsCompleted.Should().BeTrue("exo writes something before it ends: {0}", _error);
    }

    /// <summary>The processes of this run that are alive, children that lost their parent included.</summary>
    public int[] Family()
    {
        List<int> family = [];
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out int id) && Environ(folder).Contains($"{Mark}={_mark}", StringComparison.Ordinal))
            {
                family.Add(id);
            }
        }

        return [.. family];
    }

    /// <summary>Waits until none of the family is alive.</summary>
    public async Task<TimeSpan> AllGoneAsync(TimeSpan limit)
    {
        long start = Stopwatch.GetTimestamp();
        while (Family() is { Length: > 0 } left)
        {
            Stopwatch.GetElapsedTime(start).Should().BeLessThan(limit, "processes {0} should end by themselves", string.Join(", ", left));
            await Task.Delay(20);
        }

        return Stopwatch.GetElapsedTime(start);
    }

    public void Dispose()
    {
        _onErrorLine = null;
        if (OperatingSystem.IsLinux())
        {
            foreach (int id in Family())
            {
                _ = Signals.kill(id, Signals.Kill);
            }
        }
        else if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    private static string Muxer() => Path.GetFullPath(Path.Combine(
        RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    /// <summary>Empty for a process that is gone, a zombie or somebody else's.</summary>
    private static string Environ(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "environ"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private async Task ReadOutputAsync()
    {
        byte[] buffer = new byte[4096];
        while (await _process.StandardOutput.BaseStream.ReadAsync(buffer) is > 0 and int count)
        {
            _output.Write(buffer, 0, count);
            _firstOutput.TrySetResult();
        }
    }

    private async Task ReadErrorAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            _error.AppendLine(line);
            _onErrorLine?.Invoke(line);
        }
    }
}
