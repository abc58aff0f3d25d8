using System.Runtime.InteropServices;

namespace Exo.Sdk.Mlx.Distributed;

/// <summary>
/// Variables of the C library's environment, which is where MLX reads the description of a group and which .NET's own functions do not
/// touch. They are set for one call and put back; other native code that reads the environment at that moment must not exist.
/// </summary>
internal static partial class NativeEnvironment
{
    private static readonly Lock Gate = new();

    /// <summary>Runs something with variables set.</summary>
    /// <param name="variables">Names and values.</param>
    /// <param name="action">What to run.</param>
    internal static void With(IReadOnlyDictionary<string, string> variables, Action action)
    {
        lock (Gate)
        {
            Dictionary<string, string?> before = [];
            foreach ((string name, string value) in variables)
            {
                before[name] = Get(name);
                _ = SetVariable(name, value, overwrite: 1);
            }

            try
            {
                action();
            }
            finally
            {
                foreach ((string name, string? value) in before)
                {
                    _ = value is null ? UnsetVariable(name) : SetVariable(name, value, overwrite: 1);
                }
            }
        }
    }

    /// <summary>A variable's value, or null.</summary>
    internal static string? Get(string name) => Marshal.PtrToStringUTF8(GetVariable(name));

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetVariable(string name);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnsetVariable(string name);
}
