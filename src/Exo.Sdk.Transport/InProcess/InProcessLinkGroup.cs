using System.Numerics;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.InProcess;

/// <summary>The links of one rank to others of the same process.</summary>
internal sealed class InProcessLinkGroup : RingLinkGroup
{
    private readonly InProcessGroup _shared;
    private readonly Func<bool> _isOver;
    private (uint ReceiveFrom, uint SendTo) _awaited;

    /// <summary>Takes a rank's place in a group.</summary>
    /// <param name="group">The group.</param>
    /// <param name="shared">What the ranks share.</param>
    public InProcessLinkGroup(GroupDescription group, InProcessGroup shared)
        : base(group.Rank, group.Size, group.Epoch)
    {
        _shared = shared;
        _isOver = () => Ending is not null || _shared.Loss is not null || IsReady(_awaited.ReceiveFrom, _awaited.SendTo);
        for (int peer = 0; peer < Size; peer++)
        {
            if (peer != Rank)
            {
                Readers[peer] = shared.Reader(peer, Rank);
                Writers[peer] = shared.Writer(Rank, peer);
            }
        }
    }

    /// <inheritdoc/>
    public override void Wait(uint receiveFrom, uint sendTo, int milliseconds)
    {
        _awaited = (receiveFrom, sendTo);
        _shared.Wait(Rank, milliseconds, _isOver);
        if (_shared.Loss is { } loss)
        {
            End(Told(loss));
        }
    }

    /// <inheritdoc/>
    public override Ending Explain(int peer) =>
        Ending ?? (_shared.Loss is { } loss ? Told(loss) : new Ending(peer, "it left the group"));

    /// <inheritdoc/>
    protected override void Disconnect(Ending ending)
    {
        if (ending.IsDisposal)
        {
            _shared.Leave(Rank);
        }
        else
        {
            _shared.Lose(ending);
        }
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        // The rings are collected with the last rank.
    }

    /// <inheritdoc/>
    protected override bool IsGone(int peer) => _shared.Loss is not null || _shared.HasLeft(peer) || Ending is not null;

    /// <inheritdoc/>
    protected override void Nudge(uint peers)
    {
        for (uint rest = peers; rest != 0; rest &= rest - 1)
        {
            _shared.Wake(BitOperations.TrailingZeroCount(rest));
        }
    }

    private Ending Told(Ending loss) =>
        loss.LostRank == Rank ? new Ending(Rank, $"another rank gave this rank up: {loss.Reason}") : loss;
}
