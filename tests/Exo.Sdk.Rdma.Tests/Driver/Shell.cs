using System.Diagnostics;

namespace Exo.Sdk.Rdma.Tests.Driver;

/// <summary>Runs the system's network commands.</summary>
internal static class Shell
{
    /// <summary>Runs a command; it must succeed.</summary>
    public static string Run(string command)
    {
        using Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        string output = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.Should().Be(0, "'{0}' says: {1}", command, output);
        return output;
    }
}

/// <summary>Faults on both directions of a cable while it lives.</summary>
internal sealed class Netem : IDisposable
{
    private readonly int _cable;

    public Netem(int cable, string faults)
    {
        _cable = cable;
        foreach (char end in "ab")
        {
            Shell.Run($"tc qdisc add dev cable{cable}{end} root netem {faults}");
        }
    }

    public void Dispose()
    {
        foreach (char end in "ab")
        {
            Shell.Run($"tc qdisc del dev cable{_cable}{end} root");
        }
    }
}
