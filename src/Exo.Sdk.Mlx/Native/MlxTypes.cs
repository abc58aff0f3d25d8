using System.Runtime.InteropServices;

namespace Exo.Sdk.Mlx.Native;

/// <summary>An array of MLX: a pointer that mlx-c hands out by value. Whoever made it frees it, once; see <see cref="ArrayScope"/>.</summary>
/// <param name="Context">mlx-c's pointer; null stands for "no array" where an operation allows that.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MlxArray(nint Context)
{
    /// <summary>No array.</summary>
    internal static MlxArray None => default;
}

/// <summary>A stream: where operations run, one after another.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MlxStream(nint Context);

/// <summary>A device, a CPU or a GPU.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MlxDeviceHandle(nint Context);

/// <summary>What MLX tells of a device, by key.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MlxDeviceInfoHandle(nint Context);

/// <summary>A text.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MlxString(nint Context);

/// <summary>A list of arrays, which holds references of its own.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MlxArrayList(nint Context);

/// <summary>A connected group of ranks.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MlxGroupHandle(nint Context);

/// <summary>An int that may be absent, laid out as C has it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct OptionalInt(int value)
{
    private readonly int _value = value;
    private readonly byte _hasValue = 1;

    public override string ToString() => _hasValue != 0 ? $"{_value}" : "none";
}

/// <summary>A float that may be absent, laid out as C has it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct OptionalFloat(float value)
{
    private readonly float _value = value;
    private readonly byte _hasValue = 1;

    public override string ToString() => _hasValue != 0 ? $"{_value}" : "none";
}

/// <summary>An element type that may be absent, laid out as C has it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct OptionalType(MlxType value)
{
    private readonly MlxType _value = value;
    private readonly byte _hasValue = 1;

    public override string ToString() => _hasValue != 0 ? $"{_value}" : "none";
}

/// <summary>Element types, numbered as in mlx-c.</summary>
internal enum MlxType
{
    Boolean = 0,
    UInt8 = 1,
    UInt32 = 3,
    Int32 = 7,
    Float16 = 9,
    Float32 = 10,
    BFloat16 = 12,
}

/// <summary>Kinds of device, numbered as in mlx-c.</summary>
internal enum MlxDeviceType
{
    Cpu = 0,
    Gpu = 1,
}
