using System.Security.Cryptography;

namespace Exo.Sdk.Transport.InProcess;

/// <summary>Where the ranks of in-process groups find each other.</summary>
internal static class InProcessRendezvous
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, Meeting> Open = [];

    /// <summary>Waits until all ranks of a group are here.</summary>
    /// <param name="group">The group.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What the ranks share.</returns>
    /// <exception cref="PeerLostException">A rank did not come in time.</exception>
    /// <exception cref="ProtocolException">A rank that is here already has another epoch or secret.</exception>
    public static async Task<InProcessGroup> MeetAsync(GroupDescription group, CancellationToken cancellationToken)
    {
        string key = string.Join('\n', group.Addresses);
        Meeting meeting = Join(key, group);
        try
        {
            return await meeting.Complete.Task.WaitAsync(group.ConnectTimeout, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is TimeoutException or OperationCanceledException)
        {
            int missing = Leave(key, meeting, group.Rank);
            if (meeting.Complete.Task.IsCompletedSuccessfully)
            {
                meeting.Complete.Task.Result.Leave(group.Rank); // Complete in the same moment: the others have it.
            }

            if (failure is TimeoutException)
            {
                throw new PeerLostException(missing, $"it did not connect within {group.ConnectTimeout.TotalMilliseconds:F0} ms");
            }

            throw;
        }
    }

    private static Meeting Join(string key, GroupDescription group)
    {
        lock (Gate)
        {
            if (Open.TryGetValue(key, out Meeting? meeting) && meeting.Epoch < group.Epoch)
            {
                // The ranks that wait there are late; those of the newer epoch meet anew.
                Open.Remove(key);
                meeting.Complete.SetException(
                    new ProtocolException($"Rank {group.Rank} was refused: expected epoch {meeting.Epoch}, found {group.Epoch}."));
                meeting = null;
            }

            if (meeting is null)
            {
                meeting = new Meeting(group);
                Open.Add(key, meeting);
            }

            int host = meeting.Present.FindIndex(present => present);
            if (meeting.Epoch != group.Epoch)
            {
                throw new ProtocolException($"Rank {host} was refused: expected epoch {group.Epoch}, found {meeting.Epoch}.");
            }

            if (!CryptographicOperations.FixedTimeEquals(meeting.Secret.Span, group.Secret.Span))
            {
                throw new ProtocolException($"Rank {host} was refused: it does not hold this group's secret.");
            }

            if (meeting.Present[group.Rank])
            {
                throw new ProtocolException($"Rank {group.Rank} is connecting twice.");
            }

            meeting.Present[group.Rank] = true;
            if (meeting.Present.TrueForAll(present => present))
            {
                Open.Remove(key);
                meeting.Complete.SetResult(new InProcessGroup(group.Size));
            }

            return meeting;
        }
    }

    /// <summary>Gives up; returns the first rank that was missing.</summary>
    private static int Leave(string key, Meeting meeting, int rank)
    {
        lock (Gate)
        {
            int missing = meeting.Present.FindIndex(present => !present);
            meeting.Present[rank] = false;
            if (!meeting.Present.Contains(true) && Open.TryGetValue(key, out Meeting? open) && open == meeting)
            {
                Open.Remove(key);
            }

            return Math.Max(missing, 0);
        }
    }

    private sealed class Meeting(GroupDescription group)
    {
        public ulong Epoch => group.Epoch;

        public ReadOnlyMemory<byte> Secret => group.Secret;

        public List<bool> Present { get; } = [.. Enumerable.Repeat(false, group.Size)];

        public TaskCompletionSource<InProcessGroup> Complete { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
