using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Exo.Sdk;

namespace Exo.Benchmarks.Measurement;

/// <summary>
/// All-reduce by recursive doubling, for comparison: in round k a rank exchanges all contributions it holds with the rank whose number
/// differs in bit k, and sums in rank order at the end. Fewer messages than the direct exchange, each waiting for the one before.
/// </summary>
internal sealed class RecursiveDoubling(ICollective group)
{
    private float[] _parts = [];

    public void Sum(Span<float> values)
    {
        int length = values.Length;
        if (_parts.Length != length * group.Size)
        {
            _parts = new float[length * group.Size];
        }

        Span<byte> bytes = MemoryMarshal.AsBytes(_parts.AsSpan());
        values.CopyTo(_parts.AsSpan(group.Rank * length));
        for (int distance = 1; distance < group.Size; distance *= 2)
        {
            int peer = group.Rank ^ distance;
            int mine = group.Rank / distance * distance * length * sizeof(float);
            int theirs = peer / distance * distance * length * sizeof(float);
            int count = distance * length * sizeof(float);
            group.Send(bytes.Slice(mine, count), peer);
            group.Receive(bytes.Slice(theirs, count), peer);
        }

        _parts.AsSpan(0, length).CopyTo(values);
        for (int rank = 1; rank < group.Size; rank++)
        {
            TensorPrimitives.Add(values, _parts.AsSpan(rank * length, length), values);
        }
    }
}
