using System.Globalization;

namespace Exo.Sdk.Cpu.Threading;

/// <summary>
/// Which processors share a memory node. A page lies on the node of the thread that touches it first, so a shard whose threads are bound
/// to processors is loaded by threads next to them. Linux; elsewhere nothing is known.
/// </summary>
internal static class NumaNode
{
    private const string Folder = "/sys/devices/system/node";

    /// <summary>The processors on the node of a processor; null where there is one node only, or none is known.</summary>
    /// <param name="processor">The processor.</param>
    /// <param name="folder">Where the system describes its nodes; null for the usual place.</param>
    internal static int[]? Around(int processor, string? folder = null)
    {
        try
        {
            string[] nodes = Directory.Exists(folder ?? Folder) ? Directory.GetDirectories(folder ?? Folder, "node*") : [];
            return nodes.Length < 2
                ? null
                : nodes.Select(node => Parse(File.ReadAllText(Path.Combine(node, "cpulist")))).FirstOrDefault(list => list.Contains(processor));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            return null;
        }
    }

    /// <summary>Reads a list such as <c>0-3,8</c>.</summary>
    internal static int[] Parse(string list) =>
    [
        .. list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SelectMany(static range =>
        {
            int[] ends = [.. range.Split('-').Select(static end => int.Parse(end, NumberStyles.None, CultureInfo.InvariantCulture))];
            return Enumerable.Range(ends[0], Math.Clamp(ends[^1] - ends[0] + 1, 0, 1 << 16));
        }),
    ];
}
