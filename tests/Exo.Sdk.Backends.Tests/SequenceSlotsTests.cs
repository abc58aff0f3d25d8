namespace Exo.Sdk.Backends.Tests;

public sealed class SequenceSlotsTests : IDisposable
{
    private readonly SequenceSlots<Cache> _slots = new(2);

    public void Dispose() => _slots.Dispose();

    [Fact]
    public void A_slot_is_open_from_its_opening_to_its_closing()
    {
        Cache cache = _slots.Open(1, () => new Cache());
        _slots[1].Should().BeSameAs(cache);
        _slots.ByteCount.Should().Be(Cache.Size);
        _slots.Close(1).Should().BeSameAs(cache);
        cache.IsDisposed.Should().BeFalse("the caller disposes it, perhaps on another thread");
        _slots.ByteCount.Should().Be(0);
        _slots.Invoking(slots => slots[1]).Should().Throw<InvalidOperationException>().WithMessage("Slot 1 is not open.");
    }

    [Fact]
    public void A_slot_that_is_taken_or_not_there_makes_no_cache()
    {
        _slots.Open(0, () => new Cache());
        foreach ((int slot, Type error) in new[] { (0, typeof(InvalidOperationException)), (-1, typeof(ArgumentOutOfRangeException)), (2, typeof(ArgumentOutOfRangeException)) })
        {
            Record.Exception(() => _slots.Open(slot, () => throw new NotSupportedException())).Should().BeOfType(error);
        }
    }

    [Fact]
    public void Lengths_follow_steps_and_truncation()
    {
        _slots.Open(0, () => new Cache());
        _slots.Advance(new StepBatch([1, 2, 3], [new SequenceStep(0, 0, 3, StepLogits.None)]));
        _slots.LengthOf(0).Should().Be(3);
        _slots.Truncate(0, 1);
        _slots.LengthOf(0).Should().Be(1);
        _slots.Invoking(slots => slots.Truncate(0, 2)).Should().Throw<ArgumentOutOfRangeException>();
        _slots.Invoking(slots => slots.Truncate(0, -1)).Should().Throw<ArgumentOutOfRangeException>();
        _slots.Invoking(slots => slots.Truncate(1, 0)).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void Disposing_disposes_what_is_open_and_ends_all()
    {
        Cache cache = _slots.Open(0, () => new Cache());
        _slots.Dispose();
        _slots.Dispose();
        cache.IsDisposed.Should().BeTrue();
        _slots.Invoking(slots => slots.LengthOf(0)).Should().Throw<ObjectDisposedException>();
        _slots.Invoking(slots => slots.Open(1, () => new Cache())).Should().Throw<ObjectDisposedException>();
    }

    private sealed class Cache : ISequenceCache
    {
        public const int Size = 7;

        public int Length { get; set; }

        public long ByteCount => Size;

        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }
}
