namespace Exo.Sdk.Testing;

/// <summary>Starts whole clusters inside the test's own process: threads as ranks, exo-tiny as the model, no network and no download.</summary>
/// <example>
/// <code>
/// await using Cluster cluster = await TestCluster.StartAsync(ranks: 2);
/// string text = await cluster.GenerateTextAsync("What is 2 plus 3?", GenerationOptions.Greedy);
/// </code>
/// </example>
public static class TestCluster
{
    /// <summary>The most tokens one text may hold, prompt included, unless <c>configure</c> says otherwise.</summary>
    public const int ContextLength = 256;

    /// <summary>Starts a cluster that is quick to start and small in memory: short context, two texts at a time, one thread per rank.</summary>
    /// <param name="ranks">How many ranks; exo-tiny can be shared out to several.</param>
    /// <param name="configure">Changes anything, for example the model or the transport (see <see cref="FaultInjectingTransport"/>).</param>
    /// <param name="cancellationToken">Ends the attempt; whatever was started is stopped.</param>
    /// <returns>The running cluster; the caller disposes it. Any number of clusters may run at a time.</returns>
    /// <exception cref="ExoException">As <see cref="ClusterBuilder.BuildAsync"/>.</exception>
    public static Task<Cluster> StartAsync(int ranks = 2, Action<ClusterBuilder>? configure = null, CancellationToken cancellationToken = default)
    {
        ClusterBuilder builder = new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseLocalRanks(ranks)
            .UseThreadsPerRank(1)
            .UseContextLength(ContextLength)
            .UseMaxSequences(2)
            .UseMaxBatchTokens(64);
        configure?.Invoke(builder);
        return builder.BuildAsync(cancellationToken);
    }
}
