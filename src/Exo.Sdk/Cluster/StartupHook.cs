/// <summary>
/// The runtime calls this before the program's Main where DOTNET_STARTUP_HOOKS names this assembly, as it does in child processes
/// of a cluster. The name and the missing namespace are the runtime's convention.
/// </summary>
internal static class StartupHook
{
    /// <summary>Takes over in a child process; does nothing anywhere else.</summary>
    public static void Initialize() => Exo.Sdk.ExoNode.RunIfChild();
}
