namespace Exo.Sdk;

/// <summary>What a rank takes in memory, in bytes.</summary>
/// <param name="ProcessId">The process the rank lives in.</param>
/// <param name="ResidentBefore">Resident memory of that process before it loaded the shard.</param>
/// <param name="Resident">Resident memory of that process now; shared by all ranks that live in it.</param>
/// <param name="Shard">What the shard itself accounts for.</param>
public sealed record RankMemory(int ProcessId, long ResidentBefore, long Resident, ShardMemory Shard);
