using System.Collections.Concurrent;
using System.Text;

namespace Exo.Sdk.Tokenization.Bpe;

/// <summary>Byte-pair encoding by a list of merges, as the <c>BPE</c> model of a <c>tokenizer.json</c>.</summary>
internal sealed class BpeModel : ITokenModel, IMergeRules
{
    private const int MaxCachedWord = 64;
    private const int MaxCachedWords = 32 * 1024;

    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<(int Left, int Right), (int Rank, int Id)> _merges;
    private readonly HashSet<int> _special;
    private readonly int[]? _bytes;
    private readonly BpeOptions _options;

    // Words repeat; their ids are remembered up to a bound.
    private readonly ConcurrentDictionary<string, int[]> _cache = new();
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _cached;
    private int _cacheCount;

    public BpeModel(
        Dictionary<string, int> vocabulary,
        Dictionary<(int Left, int Right), (int Rank, int Id)> merges,
        HashSet<int> special,
        BpeOptions options)
    {
        _vocabulary = vocabulary;
        _merges = merges;
        _special = special;
        _options = options;
        _cached = _cache.GetAlternateLookup<ReadOnlySpan<char>>();
        if (options.ByteFallback)
        {
            int[] bytes = new int[256];
            for (int b = 0; b < 256; b++)
            {
                bytes[b] = vocabulary.GetValueOrDefault(TokenBytes.FallbackToken((byte)b), -1);
            }

            _bytes = bytes;
        }
    }

    public void Encode(ReadOnlySpan<char> piece, MergeQueue queue, List<int> ids)
    {
        bool cacheable = piece.Length <= MaxCachedWord;
        if (cacheable && _cached.TryGetValue(piece, out int[]? known))
        {
            ids.AddRange(known);
            return;
        }

        int start = ids.Count;
        EncodeUncached(piece, queue, ids);
        if (cacheable && Volatile.Read(ref _cacheCount) < MaxCachedWords && _cached.TryAdd(piece, [.. ids[start..]]))
        {
            Interlocked.Increment(ref _cacheCount);
        }
    }

    public bool TryMerge(ReadOnlySpan<char> word, in Symbol left, in Symbol right, out int rank, out int id)
    {
        bool found = _merges.TryGetValue((left.Id, right.Id), out (int Rank, int Id) merge);
        (rank, id) = merge;
        return found;
    }

    private void EncodeUncached(ReadOnlySpan<char> piece, MergeQueue queue, List<int> ids)
    {
        if (_options.IgnoreMerges && TryFind(piece, out int whole))
        {
            ids.Add(whole);
            return;
        }

        queue.Clear();
        for (int at = 0; at < piece.Length;)
        {
            int length = char.IsHighSurrogate(piece[at]) ? 2 : 1;
            AddCharacter(piece, at, length, queue);
            at += length;
        }

        List<Symbol> symbols = [];
        queue.Merge(piece, this, symbols);
        int previous = -1;
        foreach (Symbol symbol in symbols)
        {
            // Unknown characters in a row are one unknown token where the model says so.
            if (!(_options.FuseUnknown && symbol.Id == _options.UnknownToken && previous == symbol.Id))
            {
                ids.Add(symbol.Id);
            }

            previous = symbol.Id;
        }
    }

    private void AddCharacter(ReadOnlySpan<char> piece, int at, int length, MergeQueue queue)
    {
        ReadOnlySpan<char> character = piece.Slice(at, length);
        if (TryFind(character, out int id))
        {
            queue.Add(new Symbol(id, at, length));
            return;
        }

        Span<byte> utf8 = stackalloc byte[4];
        int count = Encoding.UTF8.GetBytes(character, utf8);
        if (_bytes is { } bytes && !Missing(bytes, utf8[..count]))
        {
            foreach (byte value in utf8[..count])
            {
                queue.Add(new Symbol(bytes[value], at, length));
            }

            return;
        }

        id = _options.UnknownToken ?? throw new TokenizationException(
            $"The vocabulary has no token for '{character}' (U+{char.ConvertToUtf32(piece.ToString(), at):X4}), no byte tokens and no unknown token.");
        queue.Add(new Symbol(id, at, length));
    }

    // A special token is never made out of text, even where the vocabulary could.
    private bool TryFind(ReadOnlySpan<char> content, out int id) =>
        _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(content, out id) && !_special.Contains(id);

    private static bool Missing(int[] bytes, ReadOnlySpan<byte> utf8)
    {
        foreach (byte value in utf8)
        {
            if (bytes[value] < 0)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>The switches of a BPE model.</summary>
/// <param name="UnknownToken">The token of characters that have none.</param>
/// <param name="FuseUnknown">Whether unknown characters in a row are one unknown token.</param>
/// <param name="ByteFallback">Whether a character without a token is written as the tokens of its UTF-8 bytes.</param>
/// <param name="IgnoreMerges">Whether a piece that is a token as it stands is that token, whatever the merges say.</param>
internal sealed record BpeOptions(int? UnknownToken, bool FuseUnknown, bool ByteFallback, bool IgnoreMerges);
