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
public sealed class VocabularyGather(ICollective group, IndexRange mine, int vocabularySize)
{
    private IndexRange[]? _parts;
    private float[] _received = [];

    /// <summary>Joins some rows.</summary>
    /// <param name="values">This rank's part of each row.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="logits">On rank 0 the whole rows; ignored elsewhere.</param>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="ProtocolException">A rank claims a part that is not inside the vocabulary.</exception>
    public void Gather(ReadOnlySpan<float> values, int rows, Span<float> logits)
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
