using Exo.TinyModel.Trainer.Corpus;
using Exo.TinyModel.Trainer.Tokenizer;
using static TorchSharp.torch;

namespace Exo.TinyModel.Trainer.Training;

/// <summary>One step's tokens: rows of several documents each, none of which sees another.</summary>
/// <param name="Ids">[rows, length].</param>
/// <param name="Mask">[rows, 1, length, length]: same document, not later.</param>
/// <param name="Positions">Flat positions whose next token counts.</param>
/// <param name="Targets">Those next tokens.</param>
/// <param name="Weights">How much each counts.</param>
internal sealed record Batch(Tensor Ids, Tensor Mask, Tensor Positions, Tensor Targets, Tensor Weights);

/// <summary>Packs documents into rows. Documents too long for a short row wait for a long one.</summary>
internal sealed class Packer(IEnumerable<Document> documents, BytePairEncoding tokenizer)
{
    private const int Waiting = 64;

    private readonly IEnumerator<Document> _documents = documents.GetEnumerator();
    private readonly List<(int[] Ids, float[] Weights)> _waiting = [];

    public Batch Next(int rows, int length)
    {
        var ids = new long[rows * length];
        var mask = new bool[rows * length * length];
        var (positions, targets, weights) = (new List<long>(), new List<long>(), new List<float>());
        for (var row = 0; row < rows; row++)
        {
            var used = 0;
            while (Take(length - used) is var (document, weight))
            {
                var start = (row * length) + used;
                for (var i = 0; i < document.Length; i++)
                {
                    ids[start + i] = document[i];
                    mask.AsSpan(((start + i) * length) + used, i + 1).Fill(true);
                    if (i + 1 < document.Length && weight[i + 1] > 0)
                    {
                        positions.Add(start + i);
                        targets.Add(document[i + 1]);
                        weights.Add(weight[i + 1]);
                    }
                }
                used += document.Length;
            }
            for (; used < length; used++)
            {
                mask[(((row * length) + used) * length) + used] = true; // Padding sees itself: a row of false would be NaN.
            }
        }
        return new(
            tensor(ids, [rows, length]), tensor(mask, [rows, 1, length, length]), tensor(positions.ToArray()), tensor(targets.ToArray()), tensor(weights.ToArray()));
    }

    private (int[] Ids, float[] Weights)? Take(int room)
    {
        while (_waiting.Count < Waiting)
        {
            _documents.MoveNext();
            _waiting.Add(Encode(_documents.Current));
        }
        var fits = _waiting.FindIndex(document => document.Ids.Length <= room);
        if (fits < 0)
        {
            return null;
        }
        var taken = _waiting[fits];
        _waiting.RemoveAt(fits);
        return taken;
    }

    private (int[] Ids, float[] Weights) Encode(Document document)
    {
        var ids = new List<int>();
        var weights = new List<float>();
        foreach (var piece in document.Pieces)
        {
            var encoded = piece.IsSpecial ? [tokenizer.Special(piece.Text)] : tokenizer.Encode(piece.Text);
            ids.AddRange(encoded);
            weights.AddRange(Enumerable.Repeat(piece.Weight, encoded.Count));
        }
        var kept = Math.Min(ids.Count, 512);
        return ([.. ids.Take(kept)], [.. weights.Take(kept)]);
    }
}
