using System.Globalization;
using Exo.Sdk.Input;
using Exo.Sdk.Tokenization.Bpe;
using Exo.Sdk.Tokenization.Files;
using Exo.Sdk.Tokenization.Json;
using Exo.Sdk.Tokenization.Pipeline;

namespace Exo.Sdk.Tokenization.SentencePiece;

/// <summary>Reads a <c>tokenizer.model</c>: a SentencePiece model in its protocol-buffer form.</summary>
internal sealed class SentencePieceFile
{
    private const int Bpe = 2;

    private readonly string _file;
    private readonly List<SentencePieceEntry> _pieces = [];
    private int _modelType = 1, _unknown, _begin = 1, _end = 2;
    private bool _byteFallback, _suffixSpace;
    private bool _dummyPrefix = true, _removeExtra = true, _escape = true, _hasCharacterMap;

    private SentencePieceFile(string file) => _file = file;

    /// <summary>Reads the file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="settings">What the files beside it say.</param>
    public static TokenizerParts Read(string file, TokenizerSettings settings)
    {
        SentencePieceFile model = new(file);
        model.Read(new ProtoReader(file, BoundedFile.ReadAll(file, JsonCursor.MaxFileSize)));
        model.Check();
        return model.Build(settings);
    }

    private void Read(ProtoReader reader)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    _pieces.Add(ReadPiece(reader.Message()));
                    break;
                case 2:
                    ReadTrainer(reader.Message());
                    break;
                case 3:
                    ReadNormalizer(reader.Message());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static SentencePieceEntry ReadPiece(ProtoReader reader)
    {
        string text = "";
        float score = 0;
        long kind = (long)PieceKind.Normal;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    text = reader.Text();
                    break;
                case 2:
                    score = reader.Float();
                    break;
                case 3:
                    kind = reader.Number();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (text.Length == 0)
        {
            throw reader.Fail("a piece is empty", "a text of one character or more");
        }

        if (float.IsNaN(score))
        {
            throw reader.Fail("a piece has no score that can be compared", "a number", "NaN");
        }

        return kind is >= 1 and <= 6
            ? new(text, score, (PieceKind)kind)
            : throw reader.Fail("a piece has an unknown kind", "1 to 6", kind.ToString(CultureInfo.InvariantCulture));
    }

    private void ReadTrainer(ProtoReader reader)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3:
                    _modelType = (int)reader.Number();
                    break;
                case 24:
                    _suffixSpace = reader.Number() != 0;
                    break;
                case 35:
                    _byteFallback = reader.Number() != 0;
                    break;
                case 40:
                    _unknown = (int)reader.Number();
                    break;
                case 41:
                    _begin = (int)reader.Number();
                    break;
                case 42:
                    _end = (int)reader.Number();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private void ReadNormalizer(ProtoReader reader)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    _hasCharacterMap = !reader.Bytes().IsEmpty;
                    break;
                case 3:
                    _dummyPrefix = reader.Number() != 0;
                    break;
                case 4:
                    _removeExtra = reader.Number() != 0;
                    break;
                case 5:
                    _escape = reader.Number() != 0;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private void Check()
    {
        if (_pieces.Count == 0)
        {
            throw new ModelFormatException(_file, "the file has no pieces", "a SentencePiece model", "0 pieces");
        }

        if (_modelType != Bpe)
        {
            string name = _modelType switch { 1 => "unigram", 3 => "word", 4 => "char", _ => $"number {_modelType}" };
            throw new UnsupportedModelException($"SentencePiece model type '{name}' of {_file}", ["bpe"]);
        }

        if (_hasCharacterMap)
        {
            throw new UnsupportedModelException($"SentencePiece character map of {_file}", ["the identity normalizer"]);
        }

        if (_suffixSpace)
        {
            throw new UnsupportedModelException($"SentencePiece option 'treat_whitespace_as_suffix' of {_file}", ["white space before a word"]);
        }

        if (_unknown < 0 || _unknown >= _pieces.Count || _pieces[_unknown].Kind != PieceKind.Unknown)
        {
            throw new ModelFormatException(
                _file, "the unknown piece is not where the trainer says", "a piece of kind 2", $"id {_unknown}", "trainer_spec.unk_id");
        }

        HashSet<string> seen = [];
        HashSet<int> bytes = [];
        for (int id = 0; id < _pieces.Count; id++)
        {
            SentencePieceEntry piece = _pieces[id];
            if (!seen.Add(piece.Text))
            {
                throw new ModelFormatException(_file, "a piece is there twice", "each piece once", $"'{piece.Text}'", $"pieces[{id}]");
            }

            if (piece.Kind == PieceKind.Byte && !bytes.Add(TokenBytes.FallbackByte(piece.Text)))
            {
                throw new ModelFormatException(_file, "a byte is there twice", "<0x00> to <0xFF>, once each", $"'{piece.Text}'", $"pieces[{id}]");
            }
        }

        if (_byteFallback && (bytes.Count != 256 || bytes.Contains(-1)))
        {
            throw new ModelFormatException(_file, "byte fallback lacks bytes", "256 byte pieces", $"{bytes.Count} byte pieces", "pieces");
        }
    }

    private TokenizerParts Build(TokenizerSettings settings)
    {
        Dictionary<string, int> vocabulary = [];
        for (int id = 0; id < _pieces.Count; id++)
        {
            vocabulary.Add(_pieces[id].Text, id);
        }

        AddedTokenTable added = new(_file, vocabulary);
        for (int id = 0; id < _pieces.Count; id++)
        {
            if (_pieces[id].Kind is PieceKind.Control or PieceKind.Unknown)
            {
                added.Add(new AddedToken(id, _pieces[id].Text, IsSpecial: true));
            }
        }

        added.AddSettings(settings);
        int? begin = added.Find(settings.Begin) ?? Piece(_begin), end = added.Find(settings.End) ?? Piece(_end);
        bool addsBegin = settings.AddsBegin ?? true, addsEnd = settings.AddsEnd ?? false;
        SentencePieceNormalizer normalizer = new(_dummyPrefix, _removeExtra, _escape);
        return new TokenizerParts
        {
            File = _file,
            Vocabulary = vocabulary,
            Added = added.Tokens,
            PreTokenizer = PreTokenize(normalizer, settings.IsLegacy),
            Model = new SentencePieceModel(_pieces, _unknown, _byteFallback),
            TokenBytes = Bytes(normalizer),
            Prefix = addsBegin && begin is { } b ? [b] : [],
            Suffix = addsEnd && end is { } e ? [e] : [],
            BeginToken = begin,
            EndTokens = settings.EndTokens(end),
        };
    }

    private int? Piece(int id) => id >= 0 && id < _pieces.Count ? id : null;

    // As a pre-tokenizer, because only there is it known whether a part begins the text.
    private static PreTokenizer PreTokenize(SentencePieceNormalizer normalizer, bool legacy) => pieces =>
        [.. pieces.Select(p =>
        {
            string text = normalizer.Normalize(p.Chars.ToString(), normalizer.AddDummyPrefix && (legacy || p.AtStart));
            return new Piece(text, new(0, text.Length), p.AtStart);
        })];

    private static TokenBytes Bytes(SentencePieceNormalizer normalizer)
    {
        byte[] OfToken(string token) => TokenBytes.FallbackByte(token) is >= 0 and int value
            ? [(byte)value]
            : TokenBytes.Utf8(token.Replace(SentencePieceNormalizer.Space, ' '));
        return new TokenBytes(OfToken, StripStart: normalizer.AddDummyPrefix || normalizer.RemoveExtraWhitespaces ? 1 : 0);
    }
}
