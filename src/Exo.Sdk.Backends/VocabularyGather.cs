using System.Runtime.InteropServices;
using Exo.Sdk.Models;

namespace Exo.Sdk.Backends;

/// <summary>
/// Joins the ranks' parts of the logits on rank 0. The first time each rank says which part of the vocabulary is its own.
/// All ranks call it with equal numbers of rows, one thread at a time; it allocates nothing once warm.
/// </summary>
/// <param name="group">The group.</param>
/// <param name="mine">This rank's part of the vocabulary.</param>
/// <param name="vocabularySize">The whole vocabulary.</param>
/// <param name="rowsAtOnce">
/// How many rows travel in one message: <see cref="ShardOptions.MaxSequences"/>, for ranks of one group may run different backends, and all
/// must cut a step's rows at the same places.
/// </param>
public sealed class VocabularyGather(ICollective group, IndexRange mine, int vocabularySize, int rowsAtOnce)
{
    private IndexRange[]? _parts;
    private float[] _received = [];

    /// <summary>Joins some rows; a multiple of the rows of one message, unless they are a step's last.</summary>
    /// <param name="values">This rank's part of each row.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="logits">On rank 0 the whole rows; ignored elsewhere.</param>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="ProtocolException">A rank claims a part that is not inside the vocabulary.</exception>
    public void Gather(ReadOnlySpan<float> values, int rows, Span<float> logits)
    {
        for (int first = 0; first < rows; first += rowsAtOnce)
        {
            int count = Math.Min(rowsAtOnce, rows - first);
            GatherAtOnce(
                values.Slice(first * mine.Count, count * mine.Count),
                count,
                group.Rank == 0 ? logits.Slice(first * vocabularySize, count * vocabularySize) : default);
        }
    }

    private void GatherAtOnce(ReadOnlySpan<float> values, int rows, Span<float> logits)
    {
        bool isFirst = _parts is null;
        if (group.Rank != 0)
        {
            if (isFirst)
            {
                _parts = [mine];
                group.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<IndexRange>(_parts)), 0);
            }

            group.Send(MemoryMarshal.AsBytes(values), 0);
            return;
        }

        _parts ??= new IndexRange[group.Size];
        Place(values, mine, rows, logits);
        for (int rank = 1; rank < group.Size; rank++)
        {
            if (isFirst)
            {
                group.Receive(MemoryMarshal.AsBytes(_parts.AsSpan(rank, 1)), rank);
                Check(_parts[rank], rank);
            }

            IndexRange part = _parts[rank];
            if (rows == 1)
            {
                group.Receive(MemoryMarshal.AsBytes(logits.Slice(part.Start, part.Count)), rank);
                continue;
            }

            int count = part.Count * rows;
            if (_received.Length < count)
            {
                _received = new float[count];
            }

            group.Receive(MemoryMarshal.AsBytes(_received.AsSpan(0, count)), rank);
            Place(_received.AsSpan(0, count), part, rows, logits);
        }
    }

    private void Place(ReadOnlySpan<float> values, IndexRange part, int rows, Span<float> logits)
    {
        for (int row = 0; row < rows; row++)
        {
            values.Slice(row * part.Count, part.Count).CopyTo(logits.Slice((row * vocabularySize) + part.Start, part.Count));
        }
    }

    private void Check(IndexRange part, int rank)
    {
        if (part.Start < 0 || part.Count < 0 || (long)part.Start + part.Count > vocabularySize)
        {
            throw new ProtocolException($"Rank {rank} says that it holds the vocabulary entries {part}; the vocabulary has {vocabularySize}.");
        }
    }
}
