using System.Text;

namespace Exo.TinyModel.Trainer.Tokenizer;

/// <summary>Learns merges: again and again the most frequent pair of neighbors becomes one token (Sennrich et al., 2016).</summary>
internal static class BytePairTrainer
{
    public static BytePairEncoding Train(IEnumerable<string> texts, IReadOnlyList<string> specials, int vocabularySize)
    {
        var counts = new Dictionary<string, int>();
        foreach (var text in texts)
        {
            foreach (var match in BytePairEncoding.PreTokenizer().EnumerateMatches(text))
            {
                var word = ByteAlphabet.Encode(Encoding.UTF8.GetBytes(text.Substring(match.Index, match.Length)));
                counts[word] = counts.GetValueOrDefault(word) + 1;
            }
        }
        var words = counts.OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => (Parts: entry.Key.Select(c => c.ToString()).ToList(), Count: entry.Value)).ToList();
        var merges = new List<(string, string)>();
        var made = new HashSet<string>();
        while (specials.Count + 256 + merges.Count < vocabularySize)
        {
            var pairs = new Dictionary<(string Left, string Right), long>();
            foreach (var (parts, count) in words)
            {
                for (var i = 0; i + 1 < parts.Count; i++)
                {
                    var pair = (parts[i], parts[i + 1]);
                    pairs[pair] = pairs.GetValueOrDefault(pair) + count;
                }
            }
            var best = pairs.Where(entry => !made.Contains(entry.Key.Left + entry.Key.Right)).OrderByDescending(entry => entry.Value)
                .ThenBy(entry => entry.Key.Left, StringComparer.Ordinal).ThenBy(entry => entry.Key.Right, StringComparer.Ordinal).First().Key;
            merges.Add(best);
            made.Add(best.Left + best.Right);
            foreach (var (parts, _) in words)
            {
                for (var i = 0; i + 1 < parts.Count; i++)
                {
                    if (parts[i] == best.Left && parts[i + 1] == best.Right)
                    {
                        parts[i] += parts[i + 1];
                        parts.RemoveAt(i + 1);
                    }
                }
            }
        }
        return new(specials, merges);
    }
}
