using System.Text;
using System.Text.RegularExpressions;

namespace Exo.TinyModel.Trainer.Tokenizer;

/// <summary>A byte-level BPE tokenizer: special tokens first, then the 256 bytes, then one token per merge.</summary>
internal sealed partial class BytePairEncoding
{
    /// <summary>The pre-tokenizer of Qwen2: words with their space, single digits, punctuation, white space.</summary>
    public const string Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private readonly Dictionary<string, int> _ids;
    private readonly string[] _tokens;
    private readonly Dictionary<(string Left, string Right), int> _ranks;
    private readonly Dictionary<string, int[]> _cache = [];

    public BytePairEncoding(IReadOnlyList<string> specials, IReadOnlyList<(string Left, string Right)> merges)
    {
        Specials = specials;
        Merges = merges;
        _tokens = [.. specials, .. ByteAlphabet.InOrder, .. merges.Select(merge => merge.Left + merge.Right)];
        _ids = _tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id);
        _ranks = merges.Select((merge, rank) => (merge, rank)).ToDictionary(entry => entry.merge, entry => entry.rank);
    }

    public IReadOnlyList<string> Specials { get; }

    public IReadOnlyList<(string Left, string Right)> Merges { get; }

    /// <summary>Token texts in the byte alphabet, by id.</summary>
    public IReadOnlyList<string> Tokens => _tokens;

    public int Special(string token) => _ids[token];

    /// <summary>Ids of plain text; special tokens in it stay text.</summary>
    public IReadOnlyList<int> Encode(string text)
    {
        var ids = new List<int>();
        foreach (var match in PreTokenizer().EnumerateMatches(text))
        {
            var word = text.Substring(match.Index, match.Length);
            if (!_cache.TryGetValue(word, out var encoded))
            {
                _cache[word] = encoded = EncodeWord(ByteAlphabet.Encode(Encoding.UTF8.GetBytes(word)));
            }
            ids.AddRange(encoded);
        }
        return ids;
    }

    public string Decode(IEnumerable<int> ids)
    {
        var bytes = new List<byte>();
        foreach (var id in ids)
        {
            bytes.AddRange(id < Specials.Count ? Encoding.UTF8.GetBytes(_tokens[id]) : ByteAlphabet.Decode(_tokens[id]));
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private int[] EncodeWord(string word)
    {
        var parts = word.Select(c => c.ToString()).ToList();
        while (parts.Count > 1)
        {
            var (best, at) = (int.MaxValue, -1);
            for (var i = 0; i + 1 < parts.Count; i++)
            {
                if (_ranks.TryGetValue((parts[i], parts[i + 1]), out var rank) && rank < best)
                {
                    (best, at) = (rank, i);
                }
            }
            if (at < 0)
            {
                break;
            }
            parts[at] += parts[at + 1];
            parts.RemoveAt(at + 1);
        }
        return [.. parts.Select(part => _ids[part])];
    }

    [GeneratedRegex(Pattern)]
    internal static partial Regex PreTokenizer();
}
