namespace Exo.Sdk.Tokenization.Bpe;

/// <summary>A symbol of a word that is being merged: a run of its characters and the token they are so far.</summary>
/// <param name="Id">The token; for a character without one, -1.</param>
/// <param name="Start">Where it starts in the word.</param>
/// <param name="Length">Its length in UTF-16 units.</param>
internal record struct Symbol(int Id, int Start, int Length);

/// <summary>Which neighbors merge, and in which order.</summary>
internal interface IMergeRules
{
    /// <summary>Whether two neighbors merge.</summary>
    /// <param name="word">The word.</param>
    /// <param name="left">The left symbol.</param>
    /// <param name="right">The right symbol.</param>
    /// <param name="rank">The order: the lowest first.</param>
    /// <param name="id">The token they become.</param>
    bool TryMerge(ReadOnlySpan<char> word, in Symbol left, in Symbol right, out int rank, out int id);
}

/// <summary>
/// Byte-pair merging: again and again the pair of lowest rank, the leftmost of equals, becomes one symbol. A linked
/// list of symbols and a priority queue of pairs keep a word of n symbols at O(n log n). Reused from word to word.
/// </summary>
internal sealed class MergeQueue
{
    private readonly List<Symbol> _symbols = [];
    private readonly PriorityQueue<Candidate, long> _queue = new();
    private int[] _next = [];
    private int[] _previous = [];

    /// <summary>Empties the list of symbols.</summary>
    public void Clear() => _symbols.Clear();

    /// <summary>Adds a symbol behind the last.</summary>
    public void Add(Symbol symbol) => _symbols.Add(symbol);

    /// <summary>Merges the symbols added since <see cref="Clear"/> and hands out what remains, left to right.</summary>
    public void Merge(ReadOnlySpan<char> word, IMergeRules rules, List<Symbol> output)
    {
        int count = _symbols.Count;
        if (_next.Length < count)
        {
            _next = new int[count * 2];
            _previous = new int[count * 2];
        }

        _queue.Clear();
        for (int i = 0; i < count; i++)
        {
            _previous[i] = i - 1;
            _next[i] = i + 1;
            Offer(word, rules, i - 1, i);
        }

        while (_queue.TryDequeue(out Candidate candidate, out _))
        {
            // Either side may have become part of another symbol since.
            if (!IsCurrent(candidate, count))
            {
                continue;
            }

            int left = candidate.Left, right = _next[left];
            Symbol merged = _symbols[left];
            _symbols[left] = merged with { Id = candidate.Id, Length = merged.Length + _symbols[right].Length };
            _symbols[right] = _symbols[right] with { Length = 0 };
            int after = _next[left] = _next[right];
            if (after < count)
            {
                _previous[after] = left;
            }

            Offer(word, rules, _previous[left], left);
            Offer(word, rules, left, after < count ? after : -1);
        }

        for (int i = 0; i < count; i = _next[i])
        {
            output.Add(_symbols[i]);
        }
    }

    private bool IsCurrent(Candidate candidate, int count)
    {
        Symbol left = _symbols[candidate.Left];
        int next = _next[candidate.Left];
        return left.Length > 0 && left.Id == candidate.LeftId && next < count && _symbols[next].Id == candidate.RightId
            && left.Length + _symbols[next].Length == candidate.Length;
    }

    private void Offer(ReadOnlySpan<char> word, IMergeRules rules, int left, int right)
    {
        if (left < 0 || right < 0)
        {
            return;
        }

        Symbol l = _symbols[left], r = _symbols[right];
        if (rules.TryMerge(word, l, r, out int rank, out int id))
        {
            _queue.Enqueue(new Candidate(left, l.Id, r.Id, l.Length + r.Length, id), ((long)rank << 32) | (uint)left);
        }
    }

    private readonly record struct Candidate(int Left, int LeftId, int RightId, int Length, int Id);
}
