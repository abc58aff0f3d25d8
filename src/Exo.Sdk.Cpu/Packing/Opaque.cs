using System.Runtime.CompilerServices;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>
/// Keeps a constant from the compiler, which would read it from memory at every use: a product of one token is bound by loads, and the
/// processor has registers to spare.
/// </summary>
internal static class Opaque
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static uint Value(uint value) => value;
}
