namespace Exo.Sdk.Cpu.Threading;

/// <summary>Equal shares of items.</summary>
internal static class Share
{
    /// <summary>A worker's consecutive items.</summary>
    internal static (int First, int End) Of(int count, int worker, int workers) =>
        ((int)((long)count * worker / workers), (int)((long)count * (worker + 1) / workers));
}
