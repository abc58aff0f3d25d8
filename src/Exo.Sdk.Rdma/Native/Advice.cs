namespace Exo.Sdk.Rdma.Native;

/// <summary>What to do about an error of the verbs calls.</summary>
internal static class Advice
{
    private const int InvalidArgument = 22;

    /// <summary>Advice, with a leading space, or nothing.</summary>
    /// <param name="code">The error's kind.</param>
    /// <param name="error">Its details.</param>
    /// <returns>A sentence or an empty string.</returns>
    public static string For(ShimCode code, in ShimError error) => code switch
    {
        ShimCode.NoMemory when error.Message.Contains("ibv_reg_mr", StringComparison.Ordinal) =>
            " The memory that may be locked or registered is used up: raise the limit (ulimit -l), or use less with RdmaOptions.Depth and SlotBytes.",
        ShimCode.NoMemory when error.Message.Contains("ibv_create_qp", StringComparison.Ordinal) =>
            " The device has no queue pair left, or none of this depth: close other groups, or lower RdmaOptions.Depth.",
        ShimCode.System when error.SystemError == InvalidArgument && error.Message.Contains("RTR", StringComparison.Ordinal) =>
            " Give the interface an IPv4 address; on a Mac also take it out of the Thunderbolt Bridge.",
        ShimCode.System when error.SystemError == InvalidArgument && error.Message.Contains("ibv_reg_mr", StringComparison.Ordinal) =>
            " Some drivers refuse memory without remote access: try RdmaOptions.Access with RemoteRead and RemoteWrite.",
        _ => "",
    };
}
