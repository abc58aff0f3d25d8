namespace Exo.Sdk.Mlx.Tests.Support;

/// <summary>One rank in a process of its own.</summary>
internal static class RankProcess
{
    public static int Run(string[] args) => args.Length;
}
