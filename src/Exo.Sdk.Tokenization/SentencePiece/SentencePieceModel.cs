using System.Text;
using Exo.Sdk.Tokenization.Bpe;
using Exo.Sdk.Tokenization.Pipeline;

namespace Exo.Sdk.Tokenization.SentencePiece;

/// <summary>The kinds of piece, with the numbers of the file format.</summary>
internal enum PieceKind
{
    /// <summary>A run of text.</summary>
    Normal = 1,

    /// <summary>Stands for text that has no piece.</summary>
    Unknown = 2,

    /// <summary>Of the program, never of the text.</summary>
    Control = 3,

    /// <summary>Always one token where it occurs in a text.</summary>
    UserDefined = 4,

    /// <summary>Merges through, but is taken apart again in the end.</summary>
    Unused = 5,

    /// <summary>One byte.</summary>
    Byte = 6,
}

/// <summary>One piece of a SentencePiece vocabulary; its id is its place.</summary>
internal readonly record struct SentencePieceEntry(string Text, float Score, PieceKind Kind);

/// <summary>
/// The BPE of SentencePiece: neighbors merge when their union is a piece, the piece of highest score first. Unlike
/// a merge list this looks at text, so a union counts even where one side has no piece of its own.
/// </summary>
internal sealed class SentencePieceModel : ITokenModel
{
    private readonly IReadOnlyList<SentencePieceEntry> _pieces;
    private readonly Dictionary<string, int> _ids = [];
    private readonly int[] _ranks;
    private readonly int[]? _bytes;
    private readonly int _unknown;
    private readonly int _longest;
    private readonly AddedTokenMatcher? _userDefined;

    /// <param name="pieces">The vocabulary.</param>
    /// <param name="unknown">The unknown piece's id.</param>
    /// <param name="byteFallback">Whether text without a piece is written as bytes.</param>
    public SentencePieceModel(IReadOnlyList<SentencePieceEntry> pieces, int unknown, bool byteFallback)
    {
        _pieces = pieces;
        _unknown = unknown;
        _bytes = byteFallback ? new int[256] : null;
        List<(string Text, AddedToken Token)> userDefined = [];
        for (int id = 0; id < pieces.Count; id++)
        {
            (string text, _, PieceKind kind) = pieces[id];
            if (kind == PieceKind.Byte && _bytes is not null && TokenBytes.FallbackByte(text) is >= 0 and int value)
            {
                _bytes[value] = id;
            }

            if (kind is PieceKind.Normal or PieceKind.UserDefined or PieceKind.Unused)
            {
                _ids.TryAdd(text, id);
                _longest = Math.Max(_longest, text.Length);
            }

            if (kind == PieceKind.UserDefined)
            {
                userDefined.Add((text, new AddedToken(id, text, IsSpecial: false)));
            }
        }

        _userDefined = userDefined.Count > 0 ? new(userDefined) : null;
        _ranks = Ranks(pieces);
    }

    public void Encode(ReadOnlySpan<char> piece, MergeQueue queue, List<int> ids)
    {
        queue.Clear();
        if (_userDefined is null)
        {
            AddCharacters(piece, 0, piece.Length, queue);
        }
        else
        {
            foreach ((TextSpan span, AddedToken? token) in _userDefined.Split(piece.ToString(), []))
            {
                if (token is null)
                {
                    AddCharacters(piece, span.Start, span.End, queue);
                }
                else
                {
                    queue.Add(new Symbol(token.Id, span.Start, span.Length));
                }
            }
        }

        Rules rules = new(this);
        List<Symbol> symbols = [];
        queue.Merge(piece, rules, symbols);
        bool afterUnknown = false;
        foreach (Symbol symbol in symbols)
        {
            Write(piece, symbol, rules, ids, ref afterUnknown);
        }
    }

    private void AddCharacters(ReadOnlySpan<char> piece, int start, int end, MergeQueue queue)
    {
        for (int at = start; at < end;)
        {
            int length = char.IsHighSurrogate(piece[at]) ? 2 : 1;
            queue.Add(new Symbol(Find(piece.Slice(at, length)), at, length));
            at += length;
        }
    }

    private int Find(ReadOnlySpan<char> text) =>
        text.Length <= _longest && _ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out int id) ? id : -1;

    private void Write(ReadOnlySpan<char> piece, Symbol symbol, Rules rules, List<int> ids, ref bool afterUnknown)
    {
        ReadOnlySpan<char> text = piece.Slice(symbol.Start, symbol.Length);
        if (symbol.Id >= 0)
        {
            afterUnknown = false;
            if (_pieces[symbol.Id].Kind != PieceKind.Unused || !rules.TrySplit(text, out int leftLength))
            {
                ids.Add(symbol.Id);
                return;
            }

            Symbol left = new(Find(text[..leftLength]), symbol.Start, leftLength);
            Symbol right = new(Find(text[leftLength..]), symbol.Start + leftLength, symbol.Length - leftLength);
            Write(piece, left, rules, ids, ref afterUnknown);
            Write(piece, right, rules, ids, ref afterUnknown);
            return;
        }

        if (_bytes is { } bytes)
        {
            foreach (byte value in Encoding.UTF8.GetBytes(text.ToString()))
            {
                ids.Add(bytes[value]);
            }

            return;
        }

        // Text without pieces in a row is one unknown token.
        if (!afterUnknown)
        {
            ids.Add(_unknown);
        }

        afterUnknown = true;
    }

    // Scores as whole numbers: equal scores share a rank.
    private static int[] Ranks(IReadOnlyList<SentencePieceEntry> pieces)
    {
        int[] order = [.. Enumerable.Range(0, pieces.Count).OrderByDescending(i => pieces[i].Score)];
        int[] ranks = new int[pieces.Count];
        for (int i = 1; i < order.Length; i++)
        {
            bool same = pieces[order[i]].Score.Equals(pieces[order[i - 1]].Score);
            ranks[order[i]] = ranks[order[i - 1]] + (same ? 0 : 1);
        }

        return ranks;
    }

    private sealed class Rules(SentencePieceModel model) : IMergeRules
    {
        private Dictionary<string, int>? _splits;

        public bool TryMerge(ReadOnlySpan<char> word, in Symbol left, in Symbol right, out int rank, out int id)
        {
            rank = 0;
            id = -1;
            if (IsFrozen(left) || IsFrozen(right))
            {
                return false;
            }

            ReadOnlySpan<char> union = word.Slice(left.Start, left.Length + right.Length);
            id = model.Find(union);
            if (id < 0)
            {
                return false;
            }

            rank = model._ranks[id];
            if (model._pieces[id].Kind == PieceKind.Unused)
            {
                _splits ??= [];
                _splits[union.ToString()] = left.Length;
            }

            return true;
        }

        public bool TrySplit(ReadOnlySpan<char> text, out int leftLength)
        {
            leftLength = 0;
            return _splits is { } splits && splits.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out leftLength);
        }

        private bool IsFrozen(in Symbol symbol) => symbol.Id >= 0 && model._pieces[symbol.Id].Kind == PieceKind.UserDefined;
    }
}
