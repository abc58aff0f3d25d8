namespace Exo.Architecture.Tests;

/// <summary>Finds circles in a graph of names.</summary>
internal static class Circles
{
    /// <summary>The groups of more than one node in which each reaches all others.</summary>
    /// <param name="edges">Who depends on whom.</param>
    public static IReadOnlyList<IReadOnlyList<string>> In(IEnumerable<(string From, string To)> edges)
    {
        Dictionary<string, HashSet<string>> next = [];
        foreach ((string from, string to) in edges)
        {
            (next.TryGetValue(from, out HashSet<string>? targets) ? targets : next[from] = []).Add(to);
        }

        Dictionary<string, HashSet<string>> reached = next.Keys.ToDictionary(node => node, node => From(node, next));
        return [.. next.Keys
            .Where(node => reached[node].Contains(node))
            .GroupBy(node => string.Join('\n', reached[node].Where(other => reached.GetValueOrDefault(other)?.Contains(node) ?? false).Order(StringComparer.Ordinal)))
            .Select(group => (IReadOnlyList<string>)group.Key.Split('\n'))];
    }

    private static HashSet<string> From(string start, Dictionary<string, HashSet<string>> next)
    {
        HashSet<string> seen = [];
        Stack<string> open = new([start]);
        while (open.TryPop(out string? node))
        {
            foreach (string target in next.GetValueOrDefault(node) ?? [])
            {
                if (seen.Add(target))
                {
                    open.Push(target);
                }
            }
        }

        return seen;
    }
}
