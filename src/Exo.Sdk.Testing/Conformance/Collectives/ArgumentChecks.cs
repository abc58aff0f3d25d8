namespace Exo.Sdk.Testing.Conformance.Collectives;

/// <summary>What a group does with wrong calls.</summary>
internal static class ArgumentChecks
{
    public static async Task RefusesWrongArguments(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(2).ConfigureAwait(false);
        ICollective rank = group.Ranks[0];
        float[] two = new float[2];
        float[] three = new float[3];
        Refuse(() => rank.AllGather(two, three, [2]), "an all-gather with one count for two ranks");
        Refuse(() => rank.AllGather(two, three, [-1, 4]), "an all-gather with a negative count");
        Refuse(() => rank.AllGather(two, three, [1, 2]), "an all-gather of two values where one is announced");
        Refuse(() => rank.AllGather(two, three, [2, 2]), "an all-gather of four values into three");
        Refuse(() => rank.Send([], 0), "a message to oneself");
        Refuse(() => rank.Send([], 2), "a message to a rank that is not there");
        Refuse(() => rank.Receive([], -1), "a message from a rank below 0");
        Refuse(() => rank.Receive([], 0), "a message from oneself");
        Refuse(() => rank.Broadcast([], 2), "a broadcast by a rank that is not there");
        Refuse(() => rank.WaitForMessage(0), "a wait for oneself");
        Refuse(() => rank.Abort(2, "x"), "an abort that blames a rank that is not there");
        group.Run(static collective => collective.Barrier());

        static void Refuse(Action action, string what) => Expect.Throws<ArgumentException>(action, what);
    }

    public static async Task EndsWhereRanksDisagree(GroupSource groups)
    {
        await Disagree("sums of 10 and of 11 values", static c => c.AllReduceSum(new float[c.Rank == 0 ? 10 : 11])).ConfigureAwait(false);
        await Disagree("sums of 100000 and of 100001 values", static c => c.AllReduceSum(new float[c.Rank == 0 ? 100_000 : 100_001])).ConfigureAwait(false);
        await Disagree(
            "other counts", static c => c.AllGather(new float[c.Rank == 0 ? 2 : 1], new float[c.Rank == 0 ? 4 : 2], c.Rank == 0 ? [2, 2] : [1, 1])).ConfigureAwait(false);
        await Disagree(
            "a barrier and a sum",
            static c =>
            {
                if (c.Rank == 0)
                {
                    c.Barrier();
                }
                else
                {
                    c.AllReduceSum(new float[4]);
                }
            }).ConfigureAwait(false);
        await Disagree(
            "a message of 7 bytes received as 8",
            static c =>
            {
                if (c.Rank == 0)
                {
                    c.Send(new byte[7], 1);
                    c.Barrier();
                }
                else
                {
                    c.Receive(new byte[8], 0);
                }
            }).ConfigureAwait(false);

        async Task Disagree(string what, Action<ICollective> action)
        {
            using TestGroup group = await groups.ConnectAsync(2).ConfigureAwait(false);
            IReadOnlyList<Exception?> failures = group.Catch(action);
            Expect.That(failures.Any(static failure => failure is ProtocolException), $"a ProtocolException of a rank for {what}", Said(failures));
            Expect.That(failures.All(static failure => failure is null or ProtocolException or PeerLostException), $"only typed errors for {what}", Said(failures));
            foreach (ICollective rank in group.Ranks)
            {
                Expect.Throws<PeerLostException>(rank.Barrier, $"any operation behind {what}");
            }
        }

        static string Said(IReadOnlyList<Exception?> failures) =>
            string.Join(" and ", failures.Select(static failure => failure is null ? "no error" : $"{failure.GetType().Name}: {failure.Message}"));
    }
}
