using System.Runtime.CompilerServices;
using Exo.Sdk.Mlx.Native;

namespace Exo.Sdk.Mlx;

/// <summary>
/// Owns arrays of MLX: what is put into it lives until it is cleared or disposed, on the shard's thread. Ownership is by scope and not by
/// finalizer, so that no array is ever freed on another thread, twice, or after MLX is gone. Clearing keeps the list's memory: a step
/// allocates nothing once warm. Not thread-safe.
/// </summary>
internal sealed unsafe class ArrayScope(MlxApi api) : IDisposable
{
    private static long _liveCount;

    private readonly List<MlxArray> _arrays = [];

    /// <summary>Arrays that scopes of this process own at present.</summary>
    internal static long LiveCount => Interlocked.Read(ref _liveCount);

    /// <summary>Takes ownership of an array that an operation wrote.</summary>
    /// <param name="code">What the operation returned.</param>
    /// <param name="array">What it wrote.</param>
    /// <param name="operation">Its name, for the error.</param>
    /// <returns>The array.</returns>
    /// <exception cref="BackendException">The operation failed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal MlxArray Own(int code, MlxArray array, string operation)
    {
        if (code != 0)
        {
            // The holder that the operation was given exists even where the operation failed.
            Discard(array);
            MlxErrors.Throw(operation);
        }

        return Own(array);
    }

    /// <summary>Takes ownership.</summary>
    internal MlxArray Own(MlxArray array)
    {
        _arrays.Add(array);
        Interlocked.Increment(ref _liveCount);
        return array;
    }

    /// <summary>Gives an array up to the caller, who then owns it.</summary>
    internal MlxArray Release(MlxArray array)
    {
        // Nearly always the newest.
        int index = _arrays.LastIndexOf(array);
        _arrays[index] = _arrays[^1];
        _arrays.RemoveAt(_arrays.Count - 1);
        Interlocked.Decrement(ref _liveCount);
        return array;
    }

    /// <summary>Frees an array before the scope ends.</summary>
    internal void Free(MlxArray array) => Discard(Release(array));

    /// <summary>Frees everything; the scope can be used again.</summary>
    internal void Clear()
    {
        foreach (MlxArray array in _arrays)
        {
            Discard(array);
        }

        Interlocked.Add(ref _liveCount, -_arrays.Count);
        _arrays.Clear();
    }

    public void Dispose() => Clear();

    private void Discard(MlxArray array)
    {
        if (array != MlxArray.None)
        {
            _ = api.ArrayFree(array);
        }
    }
}
