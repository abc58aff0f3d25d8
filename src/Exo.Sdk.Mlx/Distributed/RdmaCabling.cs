using System.Diagnostics;

namespace Exo.Sdk.Mlx.Distributed;

/// <summary>Finds out which RDMA device of each rank leads to which other rank, from the identities at both ends of every cable.</summary>
internal static class RdmaCabling
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>The matrix that MLX's group over RDMA wants.</summary>
    /// <param name="ports">The Thunderbolt ports of every rank's machine, in rank order.</param>
    /// <exception cref="UnavailableException">Two neighbors in the ring of ranks have no cable.</exception>
    internal static IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> Devices(IReadOnlyList<IReadOnlyList<ThunderboltPort>> ports)
    {
        string[][][] matrix = [.. ports.Select((mine, i) => ports.Select((theirs, j) => i == j ? [] : Between(mine, theirs)).ToArray())];
        bool isMesh = matrix.Select((row, i) => row.Where((cell, j) => i != j).All(cell => cell.Length > 0)).All(isWhole => isWhole);
        for (int i = 0; i < matrix.Length && !isMesh; i++)
        {
            int next = (i + 1) % matrix.Length;
            if (matrix[i][next].Length == 0 || matrix[next][i].Length == 0)
            {
                throw new UnavailableException(
                    $"MLX's group over RDMA needs a Thunderbolt cable between every two machines, or at least from each rank to the next; there is none between "
                    + $"rank {i} and rank {next}. Run 'exo doctor' on both.");
            }
        }

        return matrix;
    }

    /// <summary>The ports of this machine; none where it is no Mac.</summary>
    internal static IReadOnlyList<ThunderboltPort> ReadPorts() => OperatingSystem.IsMacOS()
        ? ThunderboltPort.Parse(Output("system_profiler", "SPThunderboltDataType", "-json"), Output("networksetup", "-listallhardwareports"))
        : [];

    // With several cables between two machines, the k-th of one side must be the k-th of the other: the order is that of the lower side's
    // identities, which both sides see.
    private static string[] Between(IReadOnlyList<ThunderboltPort> mine, IReadOnlyList<ThunderboltPort> theirs) => [.. mine
        .Where(port => port.RdmaDevice is not null && port.PeerDomain is not null && theirs.Any(other => other.Domain == port.PeerDomain))
        .OrderBy(port => string.CompareOrdinal(port.Domain, port.PeerDomain) < 0 ? port.Domain : port.PeerDomain, StringComparer.Ordinal)
        .Select(port => port.RdmaDevice!)];

    private static string Output(string command, params string[] arguments)
    {
        using Process process = new() { StartInfo = new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true } };
        process.Start();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!output.Wait(Patience))
        {
            process.Kill();
            throw new UnavailableException($"'{command}' did not answer within {Patience.TotalSeconds} s.");
        }

        return output.Result;
    }
}
