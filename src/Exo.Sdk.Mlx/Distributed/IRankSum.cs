using Exo.Sdk.Mlx.Native;

namespace Exo.Sdk.Mlx.Distributed;

/// <summary>The sum over ranks that follows every row-parallel product. Called on the shard's thread.</summary>
internal interface IRankSum
{
    /// <summary>Sums an array over all ranks.</summary>
    /// <param name="operations">Where to compute.</param>
    /// <param name="partial">This rank's addend, used by nothing else.</param>
    /// <returns>The sum, in the addend's element type.</returns>
    /// <exception cref="PeerLostException">A rank of the group is lost.</exception>
    MlxArray Sum(MlxOperations operations, MlxArray partial);
}

/// <summary>One rank: the addend is the sum.</summary>
internal sealed class LoneRankSum : IRankSum
{
    public MlxArray Sum(MlxOperations operations, MlxArray partial) => partial;
}

/// <summary>
/// Our own group: computes up to the sum, lets the group add in the very memory that MLX holds the numbers in, and goes on. On Apple
/// silicon CPU and GPU share that memory, so nothing is copied.
/// </summary>
internal sealed class CollectiveSum(ICollective group) : IRankSum
{
    public MlxArray Sum(MlxOperations operations, MlxArray partial)
    {
        MlxType type = operations.TypeOf(partial);
        MlxArray single = operations.AsType(partial, MlxType.Float32);
        operations.Eval(single);
        group.AllReduceSum(operations.Numbers(single));
        return operations.AsType(single, type);
    }
}

/// <summary>MLX's own group: the sum is one more operation, and the whole step is computed in one go.</summary>
internal sealed class MlxGroupSum(MlxGroupHandle group) : IRankSum
{
    public MlxArray Sum(MlxOperations operations, MlxArray partial) => operations.AllSum(partial, group);
}
