using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Exo.TinyModel.Trainer.Corpus;

/// <summary>A seeded source of choices: SplitMix64 (Steele, Lea and Flood, 2014), the same on every machine and runtime.</summary>
internal sealed partial class Dice(ulong seed)
{
    private ulong _state = seed;

    public int Next(int count)
    {
        _state += 0x9E37_79B9_7F4A_7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        z ^= z >> 31;
        return (int)(((z >> 32) * (ulong)count) >> 32);
    }

    public int Between(int low, int high) => low + Next(high - low + 1);

    public bool Chance(double probability) => Next(1_000_000) < probability * 1_000_000;

    public double Uniform() => (Next(1 << 30) + 0.5) / (1 << 30);

    public T Pick<T>(IReadOnlyList<T> items) => items[Next(items.Count)];

    /// <summary>Picks <paramref name="count"/> different items, in random order.</summary>
    public T[] Sample<T>(IReadOnlyList<T> items, int count)
    {
        var pool = items.ToArray();
        for (var i = 0; i < count; i++)
        {
            var j = i + Next(pool.Length - i);
            (pool[i], pool[j]) = (pool[j], pool[i]);
        }
        return pool[..count];
    }

    /// <summary>
    /// Expands a template: <c>[a|b|c]</c> is one of its alternatives (they nest), <c>{name}</c> is looked up in
    /// <paramref name="slots"/>; <c>{Name}</c> is the same with a capital letter.
    /// </summary>
    public string Expand(string template, IReadOnlyDictionary<string, string> slots)
    {
        for (var match = InnermostChoice().Match(template); match.Success; match = InnermostChoice().Match(template))
        {
            var chosen = Pick(match.Groups[1].Value.Split('|'));
            template = new StringBuilder(template, 0, match.Index, template.Length + chosen.Length)
                .Append(chosen).Append(template, match.Index + match.Length, template.Length - match.Index - match.Length).ToString();
        }
        return Slot().Replace(template, match =>
        {
            var key = match.Groups[1].Value;
            return slots.TryGetValue(key, out var value) ? value : English.Capital(slots[char.ToLowerInvariant(key[0]) + key[1..]]);
        });
    }

    /// <summary>A stable hash, by which what is held out of training is chosen independently of the seed.</summary>
    public static uint Hash(string text)
    {
        // FNV-1a, 32 bits, with a final mix.
        var hash = 2166136261u;
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            hash = (hash ^ b) * 16777619u;
        }
        hash ^= hash >> 15;
        hash *= 0x2C1B_3C6D;
        return hash ^ (hash >> 12);
    }

    [GeneratedRegex(@"\[([^\[\]]*)\]")]
    private static partial Regex InnermostChoice();

    [GeneratedRegex(@"\{([A-Za-z0-9]+)\}")]
    private static partial Regex Slot();
}

/// <summary>The little English grammar that the templates need.</summary>
internal static class English
{
    public static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    public static string A(string noun) => ("aeiou".Contains(noun[0], StringComparison.Ordinal) ? "an " : "a ") + noun;

    public static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    public static string List(IReadOnlyList<string> items) => items.Count switch
    {
        1 => items[0],
        2 => $"{items[0]} and {items[1]}",
        _ => $"{string.Join(", ", items.Take(items.Count - 1))} and {items[^1]}",
    };
}
