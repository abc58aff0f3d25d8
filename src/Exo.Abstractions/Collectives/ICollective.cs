namespace Exo.Sdk;

/// <summary>
/// What a connected group of ranks can do together. Every rank calls the same operations in the same order.
/// One thread at a time may call the operations; <see cref="Abort"/> and <see cref="IDisposable.Dispose"/>
/// may be called from any thread. The operations allocate nothing once warm.
/// </summary>
/// <remarks>
/// When a peer dies or stays silent beyond the group's deadline, the operation under way and all later ones
/// throw <see cref="PeerLostException"/> on every survivor.
/// </remarks>
public interface ICollective : IDisposable
{
    /// <summary>This rank, 0 ≤ rank &lt; <see cref="Size"/>.</summary>
    int Rank { get; }

    /// <summary>The number of ranks; 1 for a group of one, in which every operation is trivial.</summary>
    int Size { get; }

    /// <summary>The epoch the group was made in.</summary>
    ulong Epoch { get; }

    /// <summary>
    /// Replaces <paramref name="values"/> by its element-wise sum over all ranks, added in rank order
    /// ((r0 + r1) + r2 …), so that every rank ends with the same bits.
    /// </summary>
    /// <param name="values">Equal in length on every rank.</param>
    void AllReduceSum(Span<float> values);

    /// <summary>Joins the ranks' values in rank order on every rank.</summary>
    /// <param name="mine">This rank's part, <c>counts[Rank]</c> values.</param>
    /// <param name="all">The joined values; their number is the sum of <paramref name="counts"/>.</param>
    /// <param name="counts">How many values each rank brings; equal on every rank.</param>
    void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts);

    /// <summary>Copies the root's message to every rank.</summary>
    /// <param name="message">Read on the root, written elsewhere; equal in length on every rank.</param>
    /// <param name="root">The sending rank.</param>
    void Broadcast(Span<byte> message, int root);

    /// <summary>
    /// Sends a message to one rank, which must call <see cref="Receive"/> with the same length. Ranks that all send first and receive
    /// second do not wait for each other, however long the messages.
    /// </summary>
    /// <param name="message">The bytes.</param>
    /// <param name="peer">The receiving rank.</param>
    void Send(ReadOnlySpan<byte> message, int peer);

    /// <summary>Receives a message from one rank.</summary>
    /// <param name="message">Filled completely.</param>
    /// <param name="peer">The sending rank.</param>
    void Receive(Span<byte> message, int peer);

    /// <summary>Returns once every rank has called it.</summary>
    void Barrier();

    /// <summary>
    /// Waits, without a deadline, until something from <paramref name="peer"/> can be received. It is how an
    /// idle rank waits for the next step: it ends by a message, by the loss of the peer's connection or by <see cref="Abort"/>.
    /// </summary>
    /// <param name="peer">The rank to wait for.</param>
    void WaitForMessage(int peer);

    /// <summary>
    /// Divides the group: the ranks that name the same color form a part, in which they are counted by their keys, and by their ranks where
    /// keys are equal. Every rank calls it, as one operation; it may be divided again.
    /// </summary>
    /// <remarks>
    /// A part shares the connections of its group. One thread at a time may call the operations of a group and of all its parts, and two ranks
    /// call those that they have in common in the same order. A part ends with its group, and where a part loses a rank the group ends:
    /// <see cref="PeerLostException.LostRank"/> counts as the group does that was connected. Disposing of a part ends the part alone.
    /// </remarks>
    /// <param name="color">Which part this rank belongs to, 0 or more; negative for none.</param>
    /// <param name="key">Where in the part it stands.</param>
    /// <returns>This rank's part; null where it belongs to none.</returns>
    ICollective? Split(int color, int key);

    /// <summary>
    /// Ends the group from outside: the operation under way and all later ones throw
    /// <see cref="PeerLostException"/> naming <paramref name="lostRank"/>. The first call wins.
    /// </summary>
    /// <param name="lostRank">The rank that is lost.</param>
    /// <param name="reason">How the loss was noticed.</param>
    void Abort(int lostRank, string reason);
}
