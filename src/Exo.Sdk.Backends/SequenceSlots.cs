namespace Exo.Sdk.Backends;

/// <summary>The sequences that a shard holds.</summary>
public interface IOpenSequences
{
    /// <summary>Positions filled in a slot.</summary>
    /// <param name="slot">The slot.</param>
    /// <returns>The length.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such slot.</exception>
    /// <exception cref="InvalidOperationException">The slot is not open.</exception>
    int LengthOf(int slot);
}

/// <summary>The keys and values of one sequence, in whatever form the backend holds them.</summary>
public interface ISequenceCache : IDisposable
{
    /// <summary>Positions filled. What lies behind is forgotten.</summary>
    /// <exception cref="InvalidOperationException">Set: a cache that a window bounds has let go of positions that the shorter sequence would look at.</exception>
    int Length { get; set; }

    /// <summary>What it takes in memory.</summary>
    long ByteCount { get; }
}

/// <summary>
/// The open sequences of a shard, by slot: what <see cref="IModelShard.Allocate"/>, <see cref="IModelShard.Truncate"/> and
/// <see cref="IModelShard.Free"/> promise to refuse is refused here. One thread at a time.
/// </summary>
/// <typeparam name="TCache">What the backend holds of a sequence.</typeparam>
/// <param name="count">How many slots: <see cref="ShardOptions.MaxSequences"/>.</param>
public sealed class SequenceSlots<TCache>(int count) : IOpenSequences, IDisposable
    where TCache : class, ISequenceCache
{
    private readonly TCache?[] _slots = new TCache?[count];
    private bool _isDisposed;

    /// <summary>The bytes of all open sequences.</summary>
    public long ByteCount
    {
        get
        {
            long bytes = 0;
            foreach (TCache? cache in _slots)
            {
                bytes += cache?.ByteCount ?? 0;
            }

            return bytes;
        }
    }

    /// <summary>What is held of an open sequence. Allocates nothing.</summary>
    /// <param name="slot">The slot.</param>
    /// <returns>The cache.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such slot.</exception>
    /// <exception cref="InvalidOperationException">The slot is not open.</exception>
    /// <exception cref="ObjectDisposedException">The slots are disposed.</exception>
    public TCache this[int slot]
    {
        get
        {
            Check(slot);
            return _slots[slot] ?? throw new InvalidOperationException($"Slot {slot} is not open.");
        }
    }

    /// <summary>Opens a free slot.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="create">Makes the empty cache; not called where the slot is refused.</param>
    /// <returns>The cache.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such slot.</exception>
    /// <exception cref="InvalidOperationException">The slot is taken.</exception>
    /// <exception cref="ObjectDisposedException">The slots are disposed.</exception>
    public TCache Open(int slot, Func<TCache> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        Check(slot);
        return _slots[slot] is null ? _slots[slot] = create() : throw new InvalidOperationException($"Slot {slot} is taken.");
    }

    /// <inheritdoc/>
    public int LengthOf(int slot) => this[slot].Length;

    /// <summary>Forgets all positions of a sequence from <paramref name="length"/> on.</summary>
    /// <param name="slot">An open slot.</param>
    /// <param name="length">At most the sequence's present length.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such slot, or the sequence is shorter.</exception>
    /// <exception cref="InvalidOperationException">The slot is not open, or its cache no longer holds what the shorter sequence would look at.</exception>
    /// <exception cref="ObjectDisposedException">The slots are disposed.</exception>
    public void Truncate(int slot, int length)
    {
        TCache cache = this[slot];
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, cache.Length);
        cache.Length = length;
    }

    /// <summary>Closes a slot.</summary>
    /// <param name="slot">An open slot.</param>
    /// <returns>Its cache, which the caller disposes.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such slot.</exception>
    /// <exception cref="InvalidOperationException">The slot is not open.</exception>
    /// <exception cref="ObjectDisposedException">The slots are disposed.</exception>
    public TCache Close(int slot)
    {
        TCache cache = this[slot];
        _slots[slot] = null;
        return cache;
    }

    /// <summary>Counts what a step has filled.</summary>
    /// <param name="batch">The step, done.</param>
    public void Advance(in StepBatch batch)
    {
        foreach (ref readonly SequenceStep step in batch.Sequences)
        {
            this[step.Slot].Length = step.Position + step.Count;
        }
    }

    /// <summary>Disposes of all caches; every later call throws <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            for (int slot = 0; slot < _slots.Length; slot++)
            {
                _slots[slot]?.Dispose();
                _slots[slot] = null;
            }
        }
    }

    private void Check(int slot)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, _slots.Length);
    }
}
