using System.Runtime.InteropServices;
using System.Text;

namespace Exo.Sdk.Mlx.Native;

/// <summary>What MLX says of the machine, and the limits it keeps for the process.</summary>
internal static unsafe class MlxSystem
{
    /// <summary>Whether a group of MLX's own can be connected here.</summary>
    /// <param name="api">The library.</param>
    /// <param name="name">For example <c>ring</c>.</param>
    internal static bool HasGroup(MlxApi api, string name)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
        {
            return api.GroupIsAvailable(text) != 0;
        }
    }

    /// <summary>Sets the limits that are given.</summary>
    /// <exception cref="UnavailableException">MLX refuses one.</exception>
    internal static void SetMemoryLimits(MlxApi api, MlxMemoryLimits limits)
    {
        Set(api.SetMemoryLimit, limits.Memory, "memory");
        Set(api.SetCacheLimit, limits.Cache, "cache");
        Set(api.SetWiredLimit, limits.Wired, "wired");

        static void Set(delegate* unmanaged[Cdecl]<nuint*, nuint, int> set, long? limit, string name)
        {
            if (limit is not { } bytes)
            {
                return;
            }

            ArgumentOutOfRangeException.ThrowIfNegative(bytes, name);
            nuint before;
            if (set(&before, (nuint)bytes) != 0)
            {
                throw new UnavailableException($"MLX refuses a {name} limit of {bytes} bytes: {MlxErrors.Take() ?? "it gives no reason"}.");
            }
        }
    }

    /// <summary>The GPU.</summary>
    /// <exception cref="BackendException">MLX does not say.</exception>
    internal static MlxDeviceInfo ReadDevice(MlxApi api)
    {
        MlxDeviceHandle device = api.DeviceNew(MlxDeviceType.Gpu, 0);
        MlxDeviceInfoHandle info = api.DeviceInfoNew();
        try
        {
            MlxApi.Check(api.DeviceInfoGet(&info, device), "mlx_device_info_get");
            return new MlxDeviceInfo(
                Text(api, info, "device_name"),
                Text(api, info, "architecture"),
                Number(api, info, "memory_size"),
                Number(api, info, "max_recommended_working_set_size"),
                Number(api, info, "max_buffer_length"));
        }
        finally
        {
            _ = api.DeviceInfoFree(info);
            _ = api.DeviceFree(device);
        }
    }

    private static string Text(MlxApi api, MlxDeviceInfoHandle info, string key)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(key + '\0'))
        {
            byte* value = null;
            return Has(api, info, name) && api.DeviceInfoText(&value, info, name) == 0 ? Marshal.PtrToStringUTF8((nint)value) ?? "" : "unknown";
        }
    }

    private static long Number(MlxApi api, MlxDeviceInfoHandle info, string key)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(key + '\0'))
        {
            nuint value = 0;
            return Has(api, info, name) && api.DeviceInfoNumber(&value, info, name) == 0 ? (long)value : 0;
        }
    }

    private static bool Has(MlxApi api, MlxDeviceInfoHandle info, byte* key)
    {
        byte exists = 0;
        return api.DeviceInfoHasKey(&exists, info, key) == 0 && exists != 0;
    }
}
