using Exo.Sdk.Collectives;

namespace Exo.Sdk.Transport;

/// <summary>The wires of one rank to others of the same process.</summary>
internal sealed class InProcessLinkGroup : LinkGroup
{
    private readonly InProcessGroup _shared;
    private readonly Func<bool> _isOver;

    /// <summary>Takes a rank's place in a group.</summary>
    /// <param name="group">The group.</param>
    /// <param name="shared">What the ranks share.</param>
    public InProcessLinkGroup(GroupDescription group, InProcessGroup shared)
        : base(group.Rank, group.Size, group.Epoch)
    {
        _shared = shared;
        _isOver = () => Ending is not null;
    }

    /// <inheritdoc/>
    public override int TrySend(int peer, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        if (IsGone(peer))
        {
            return Closed;
        }

        int sent = _shared.Ring(Rank, peer).Write(head, body);
        if (sent > 0)
        {
            _shared.Wake(peer);
        }

        return sent;
    }

    /// <inheritdoc/>
    public override int TryReceive(int peer, Span<byte> head, Span<byte> body)
    {
        // Whether the peer has left is read first: what it wrote before it left is in the ring by then.
        bool gone = IsGone(peer);
        int received = _shared.Ring(peer, Rank).Read(head, body);
        if (received > 0)
        {
            _shared.Wake(peer);
            return received;
        }

        return gone ? Closed : 0;
    }

    /// <inheritdoc/>
    public override int Peek(int peer)
    {
        bool gone = IsGone(peer);
        return !_shared.Ring(peer, Rank).IsEmpty ? 1 : gone ? Closed : 0;
    }

    /// <inheritdoc/>
    public override void Wait(uint receiveFrom, uint sendTo, int milliseconds)
    {
        _shared.Wait(Rank, receiveFrom, sendTo, milliseconds, _isOver);
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

    private bool IsGone(int peer) => _shared.Loss is not null || _shared.HasLeft(peer) || Ending is not null;

    private Ending Told(Ending loss) =>
        loss.LostRank == Rank ? new Ending(Rank, $"another rank gave this rank up: {loss.Reason}") : loss;
}
