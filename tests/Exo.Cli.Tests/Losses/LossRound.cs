namespace Exo.Cli.Tests.Losses;

/// <summary>Where in a cluster's life something happens.</summary>
public enum Phase
{
    Start,
    Load,
    Prefill,
    Decode,
    Idle,
    Dispose,
}

/// <summary>One loss: who is lost when and how. Equal seeds and numbers make equal rounds.</summary>
/// <param name="Number">The round, counted from 0.</param>
/// <param name="Phase">When. Every six rounds have each phase once.</param>
/// <param name="Freezes">Stopped rather than killed.</param>
/// <param name="Children">Ranks in child processes.</param>
/// <param name="Nodes">Ranks on nodes of their own.</param>
/// <param name="Victim">Which of these is lost: the children come first, as ranks do.</param>
/// <param name="Moment">When within the phase: from 0, its beginning, to 1.</param>
internal sealed record LossRound(int Number, Phase Phase, bool Freezes, int Children, int Nodes, int Victim, double Moment)
{
    public const int Phases = 6;

    public bool IsChild => Victim < Children;

    public static LossRound Of(int seed, int number)
    {
        Random random = new(unchecked((seed * 7919) + number));
        int children = random.Next(3);
        int nodes = children == 0 ? 2 : random.Next(3 - children + 1);
        int victim = random.Next(children + nodes);
        return new LossRound(
            number, (Phase)(number % Phases), (number + (number / Phases)) % 2 == 1, children, nodes, victim, random.NextDouble());
    }

    public override string ToString() =>
        $"round {Number}: {(Freezes ? "freeze" : "kill")} in {Phase}, {Children} children, {Nodes} nodes, victim {Victim}, moment {Moment:F2}";
}
