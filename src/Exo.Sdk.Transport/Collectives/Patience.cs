using System.Diagnostics;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>How long a rank polls before it gives up the processor, and how long it waits at all.</summary>
/// <param name="Eager">The time of polling at full speed; none where ranks outnumber processors, for then a peer needs this one.</param>
/// <param name="Spin">The time of polling before blocking; after <paramref name="Eager"/> each poll yields the processor.</param>
/// <param name="Deadline">The time without any progress after which a peer counts as lost.</param>
internal readonly record struct WaitLimits(TimeSpan Eager, TimeSpan Spin, TimeSpan Deadline)
{
    private static readonly TimeSpan EagerTime = TimeSpan.FromMicroseconds(20);

    /// <summary>The limits for a rank that shares its machine.</summary>
    /// <param name="spin">The time of polling before blocking.</param>
    /// <param name="deadline">The time without any progress after which a peer counts as lost.</param>
    /// <param name="localRanks">How many ranks of the group live on this machine.</param>
    /// <returns>The limits.</returns>
    public static WaitLimits For(TimeSpan spin, TimeSpan deadline, int localRanks) =>
        new(localRanks > Environment.ProcessorCount ? TimeSpan.Zero : EagerTime, spin, deadline);
}

/// <summary>
/// Waits for progress in three stages: poll at full speed, poll and let others run, block. Blocking costs
/// tens of microseconds to wake from; polling without yielding starves the peer where ranks outnumber cores.
/// </summary>
internal struct Patience
{
    private const int SliceMilliseconds = 50;
    private static readonly long LongestVerdictTicks = Stopwatch.Frequency;

    private readonly Membership _group;
    private readonly LinkGroup _links;
    private readonly long _eagerTicks;
    private readonly long _spinTicks;
    private readonly long _deadlineTicks;
    private long _since;

    /// <summary>Starts to wait.</summary>
    /// <param name="group">The group.</param>
    /// <param name="limits">How long.</param>
    public Patience(Membership group, in WaitLimits limits)
    {
        _group = group;
        _links = group.Links;
        _eagerTicks = Ticks(Min(limits.Eager, limits.Spin));
        _spinTicks = Ticks(limits.Spin);
        _deadlineTicks = Ticks(limits.Deadline);
        _since = 0;
    }

    /// <summary>Notes that something moved.</summary>
    public void Restart() => _since = 0;

    /// <summary>Waits a little. Returns when it is worth polling again.</summary>
    /// <param name="receiveFrom">One bit per rank to receive from.</param>
    /// <param name="sendTo">One bit per rank to send to.</param>
    /// <returns>How long nothing has moved, in ticks of <see cref="Stopwatch"/>.</returns>
    /// <exception cref="PeerLostException">The group has ended.</exception>
    public long Wait(uint receiveFrom, uint sendTo)
    {
        if (_links.Ending is not null)
        {
            _links.ThrowEnded();
        }

        _links.Flush();
        long now = Stopwatch.GetTimestamp();
        if (_since == 0)
        {
            _since = now;
            return 0;
        }

        long waited = now - _since;
        if (waited < _eagerTicks)
        {
            Thread.SpinWait(1);
        }
        else if (waited < _spinTicks)
        {
            Thread.Yield();
        }
        else
        {
            _links.Wait(_group.ToLinks(receiveFrom), _group.ToLinks(sendTo), SliceMilliseconds);
        }

        return waited;
    }

    /// <summary>As <see cref="Wait"/>, and names the peer that is to blame once the deadline has passed.</summary>
    /// <param name="receiveFrom">One bit per rank to receive from.</param>
    /// <param name="sendTo">One bit per rank to send to.</param>
    /// <param name="spoken">Ranks that sent something in this operation before the message under way.</param>
    /// <param name="wakeFor">Further ranks whose messages end the wait, but who are never blamed.</param>
    /// <exception cref="PeerLostException">The group has ended, or ends now by the deadline.</exception>
    public void WaitOrBlame(uint receiveFrom, uint sendTo, uint spoken = 0, uint wakeFor = 0)
    {
        long waited = Wait(receiveFrom | wakeFor, sendTo);
        if (waited <= _deadlineTicks)
        {
            return;
        }

        // A peer that has begun to send in this operation was alive in it and may itself wait for the one that
        // is silent. That peer is left more time to say so, and blamed only if nobody says anything.
        int blamed = -1;
        long limit = _deadlineTicks + Math.Min(_deadlineTicks / 2, LongestVerdictTicks);
        for (int peer = 0; peer < _group.Size; peer++)
        {
            if ((((receiveFrom & ~spoken) >> peer) & 1) != 0 && !_group.Messages[peer]!.HasSpoken)
            {
                blamed = peer;
                limit = _deadlineTicks;
                break;
            }

            if (blamed < 0 && (((receiveFrom | sendTo) >> peer) & 1) != 0)
            {
                blamed = peer;
            }
        }

        if (waited > limit)
        {
            _links.End(new Ending(_group.LinkRankOf(blamed), $"silent for {waited * 1000 / Stopwatch.Frequency} ms"));
            _links.ThrowEnded();
        }
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);
}
