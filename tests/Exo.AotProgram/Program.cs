using System.Runtime.CompilerServices;
using Exo.Sdk;
using Exo.Sdk.Mlx;
using Exo.Sdk.Rdma;

// A program published ahead of time has no startup hooks: a rank in a child process begins here.
ExoNode.RunIfChild();

if (RuntimeFeature.IsDynamicCodeSupported)
{
    Console.Error.WriteLine("This program was not compiled ahead of time.");
    return 2;
}

foreach (RankHosting hosting in new[] { RankHosting.InProcess, RankHosting.ChildProcess })
{
    await using Cluster cluster = await new ClusterBuilder()
        .UseModel(TinyModel.Path)
        .UseLocalRanks(2, hosting)
        .UseMlx()
        .UseRdma()
        .BuildAsync();
    string answer = "";
    await foreach (GeneratedToken token in cluster.GenerateAsync("What is 2 plus 3?", GenerationOptions.Greedy))
    {
        answer += token.Text;
    }

    Console.WriteLine($"{answer.Trim()} ({hosting} over {cluster.Transport}, {cluster.Backend})");
    if (answer.Trim() != "2 + 3 = 5.")
    {
        return 1;
    }
}

// A transport of this program, with an option, in a child process: what no code names but the parent's one line.
await using (Cluster cluster = await new ClusterBuilder()
    .UseModel(TinyModel.Path)
    .UseLocalRanks(2, RankHosting.ChildProcess)
    .UseTransport(new PrefixedTransport { Prefix = "aot" })
    .BuildAsync())
{
    string answer = await cluster.GenerateTextAsync("What is 2 plus 3?", GenerationOptions.Greedy);
    Console.WriteLine($"{answer.Trim()} (ChildProcess over {cluster.Transport})");
    return answer.Trim() == "2 + 3 = 5." && cluster.Transport == "aot-tcp" ? 0 : 1;
}

