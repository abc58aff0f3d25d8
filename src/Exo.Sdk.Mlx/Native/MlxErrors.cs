using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Mlx.Native;

/// <summary>
/// Catches what mlx-c says of a failed call. Its own handler prints the message and ends the process, so this one is installed before
/// anything else is called. mlx-c calls it on the thread of the failing call.
/// </summary>
internal static unsafe class MlxErrors
{
    [ThreadStatic]
    private static string? _message;

    /// <summary>The address to give to <c>mlx_set_error_handler</c>.</summary>
    internal static delegate* unmanaged[Cdecl]<byte*, void*, void> Handler => &Receive;

    /// <summary>Throws what the last failed call of this thread said.</summary>
    /// <param name="operation">The call that failed.</param>
    /// <exception cref="BackendException">Always.</exception>
    internal static void Throw(string operation) => throw new BackendException(
        $"MLX refuses {operation}: {Take() ?? "it gives no reason"}.");

    /// <summary>What the last failed call of this thread said, which is forgotten; null where it said nothing.</summary>
    internal static string? Take()
    {
        string? message = _message;
        _message = null;
        return message;
    }

    // An exception must not cross native frames; nothing here throws but lack of memory, which ends the process anyway.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Receive(byte* message, void* data)
    {
        string text = Marshal.PtrToStringUTF8((nint)message) ?? "";

        // mlx-c adds the place in its own source, which helps nobody else.
        int place = text.LastIndexOf(" at ", StringComparison.Ordinal);
        _message = place > 0 && text.AsSpan(place).Contains(".cpp:", StringComparison.Ordinal) ? text[..place] : text;
    }
}
