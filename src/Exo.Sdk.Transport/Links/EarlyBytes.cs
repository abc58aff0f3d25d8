namespace Exo.Sdk.Transport.Links;

/// <summary>
/// Bytes of one peer that were taken off the link before anybody asked for them. Two ranks that send to each
/// other first and receive second would otherwise wait for each other as soon as the links are full.
/// </summary>
internal sealed class EarlyBytes
{
    /// <summary>The most that is held. A peer that sends more ahead waits until this rank receives.</summary>
    public const int Limit = 256 << 20;

    private const int FirstLength = 64 << 10;

    private byte[] _bytes = [];
    private int _start;
    private int _end;

    /// <summary>Whether nothing is held.</summary>
    public bool IsEmpty => _start == _end;

    /// <summary>Room to receive into; empty when the limit is reached.</summary>
    /// <returns>The room.</returns>
    public Span<byte> Room()
    {
        if (IsEmpty)
        {
            (_start, _end) = (0, 0);
        }

        if (_end == _bytes.Length && _bytes.Length < Limit)
        {
            Array.Resize(ref _bytes, Math.Max(FirstLength, _bytes.Length * 2));
        }

        return _bytes.AsSpan(_end);
    }

    /// <summary>Notes that bytes were received into <see cref="Room"/>.</summary>
    /// <param name="count">How many.</param>
    public void Add(int count) => _end += count;

    /// <summary>Takes bytes in the order in which they came.</summary>
    /// <param name="head">Filled first.</param>
    /// <param name="body">Filled next.</param>
    /// <returns>The number of bytes taken.</returns>
    public int Take(Span<byte> head, Span<byte> body)
    {
        ReadOnlySpan<byte> held = _bytes.AsSpan(_start, _end - _start);
        int first = Math.Min(head.Length, held.Length);
        int second = Math.Min(body.Length, held.Length - first);
        held[..first].CopyTo(head);
        held.Slice(first, second).CopyTo(body);
        _start += first + second;
        if (IsEmpty && _bytes.Length > FirstLength)
        {
            _bytes = []; // A burst is over; its memory is not kept.
            (_start, _end) = (0, 0);
        }

        return first + second;
    }
}
