using System.Runtime.InteropServices;

namespace Exo.Sdk.Mlx.Native;

/// <summary>
/// The functions of one loaded libmlxc. A table of addresses and not <c>DllImport</c>, because the library is found at run time and
/// because two of its functions have had two forms (<see cref="GroupsAreReturned"/>).
/// </summary>
internal sealed unsafe class MlxApi
{
    // Appeared together with the selection of a distributed backend and the present form of mlx_dequantize.
    private const string OldestVersionsMark = "mlx_hanning";

    // Appeared together with the out-parameter of mlx_distributed_init and mlx_distributed_group_split.
    private const string NewGroupsMark = "mlx_distributed_group_new";

    private readonly nint _library;

    /// <summary>Binds a library that is loaded and installs the error handler before any other call.</summary>
    /// <param name="library">The library, which stays loaded as long as the process lives.</param>
    /// <param name="path">Where it was found, for messages.</param>
    /// <exception cref="UnavailableException">It lacks a function.</exception>
    internal MlxApi(nint library, string path)
    {
        _library = library;
        Path = path;
        ((delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<byte*, void*, void>, void*, void*, void>)Address("mlx_set_error_handler"))(
            MlxErrors.Handler, null, null);
        if (!NativeLibrary.TryGetExport(library, OldestVersionsMark, out _))
        {
            throw TooOld(OldestVersionsMark);
        }

        GroupsAreReturned = !NativeLibrary.TryGetExport(library, NewGroupsMark, out _);
        ArrayNew = (delegate* unmanaged[Cdecl]<MlxArray>)Address("mlx_array_new");
        ArrayFree = (delegate* unmanaged[Cdecl]<MlxArray, int>)Address("mlx_array_free");
        ArrayNewData = (delegate* unmanaged[Cdecl]<void*, int*, int, MlxType, MlxArray>)Address("mlx_array_new_data");
        ArraySet = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, int>)Address("mlx_array_set");
        ArrayEval = (delegate* unmanaged[Cdecl]<MlxArray, int>)Address("mlx_array_eval");
        ArraySize = (delegate* unmanaged[Cdecl]<MlxArray, nuint>)Address("mlx_array_size");
        ArrayType = (delegate* unmanaged[Cdecl]<MlxArray, MlxType>)Address("mlx_array_dtype");
        ArrayDataFloat32 = (delegate* unmanaged[Cdecl]<MlxArray, float*>)Address("mlx_array_data_float32");
        ListNew = (delegate* unmanaged[Cdecl]<MlxArray*, nuint, MlxArrayList>)Address("mlx_vector_array_new_data");
        ListFree = (delegate* unmanaged[Cdecl]<MlxArrayList, int>)Address("mlx_vector_array_free");
        Eval = (delegate* unmanaged[Cdecl]<MlxArrayList, int>)Address("mlx_eval");
        AsyncEval = (delegate* unmanaged[Cdecl]<MlxArrayList, int>)Address("mlx_async_eval");
        CpuStream = (delegate* unmanaged[Cdecl]<MlxStream>)Address("mlx_default_cpu_stream_new");
        GpuStream = (delegate* unmanaged[Cdecl]<MlxStream>)Address("mlx_default_gpu_stream_new");
        StreamFree = (delegate* unmanaged[Cdecl]<MlxStream, int>)Address("mlx_stream_free");
        Synchronize = (delegate* unmanaged[Cdecl]<MlxStream, int>)Address("mlx_synchronize");
        StringNew = (delegate* unmanaged[Cdecl]<MlxString>)Address("mlx_string_new");
        StringData = (delegate* unmanaged[Cdecl]<MlxString, byte*>)Address("mlx_string_data");
        StringFree = (delegate* unmanaged[Cdecl]<MlxString, int>)Address("mlx_string_free");
        Version = (delegate* unmanaged[Cdecl]<MlxString*, int>)Address("mlx_version");
        MetalIsAvailable = (delegate* unmanaged[Cdecl]<byte*, int>)Address("mlx_metal_is_available");
        DeviceNew = (delegate* unmanaged[Cdecl]<MlxDeviceType, int, MlxDeviceHandle>)Address("mlx_device_new_type");
        DeviceFree = (delegate* unmanaged[Cdecl]<MlxDeviceHandle, int>)Address("mlx_device_free");
        DeviceInfoNew = (delegate* unmanaged[Cdecl]<MlxDeviceInfoHandle>)Address("mlx_device_info_new");
        DeviceInfoGet = (delegate* unmanaged[Cdecl]<MlxDeviceInfoHandle*, MlxDeviceHandle, int>)Address("mlx_device_info_get");
        DeviceInfoFree = (delegate* unmanaged[Cdecl]<MlxDeviceInfoHandle, int>)Address("mlx_device_info_free");
        DeviceInfoHasKey = (delegate* unmanaged[Cdecl]<byte*, MlxDeviceInfoHandle, byte*, int>)Address("mlx_device_info_has_key");
        DeviceInfoText = (delegate* unmanaged[Cdecl]<byte**, MlxDeviceInfoHandle, byte*, int>)Address("mlx_device_info_get_string");
        DeviceInfoNumber = (delegate* unmanaged[Cdecl]<nuint*, MlxDeviceInfoHandle, byte*, int>)Address("mlx_device_info_get_size");
        GetActiveMemory = (delegate* unmanaged[Cdecl]<nuint*, int>)Address("mlx_get_active_memory");
        GetCacheMemory = (delegate* unmanaged[Cdecl]<nuint*, int>)Address("mlx_get_cache_memory");
        SetMemoryLimit = (delegate* unmanaged[Cdecl]<nuint*, nuint, int>)Address("mlx_set_memory_limit");
        SetCacheLimit = (delegate* unmanaged[Cdecl]<nuint*, nuint, int>)Address("mlx_set_cache_limit");
        SetWiredLimit = (delegate* unmanaged[Cdecl]<nuint*, nuint, int>)Address("mlx_set_wired_limit");
        Add = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, MlxStream, int>)Address("mlx_add");
        Multiply = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, MlxStream, int>)Address("mlx_multiply");
        Matmul = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, MlxStream, int>)Address("mlx_matmul");
        Sigmoid = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxStream, int>)Address("mlx_sigmoid");
        AsType = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxType, MlxStream, int>)Address("mlx_astype");
        Contiguous = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, byte, MlxStream, int>)Address("mlx_contiguous");
        Reshape = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, int*, nuint, MlxStream, int>)Address("mlx_reshape");
        Transpose = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, int*, nuint, MlxStream, int>)Address("mlx_transpose_axes");
        TakeAxis = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, int, MlxStream, int>)Address("mlx_take_axis");
        Zeros = (delegate* unmanaged[Cdecl]<MlxArray*, int*, nuint, MlxType, MlxStream, int>)Address("mlx_zeros");
        Concatenate = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArrayList, int, MlxStream, int>)Address("mlx_concatenate_axis");
        Slice = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, int*, nuint, int*, nuint, int*, nuint, MlxStream, int>)Address("mlx_slice");
        SliceUpdate = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, int*, nuint, int*, nuint, int*, nuint, MlxStream, int>)
            Address("mlx_slice_update");
        QuantizedMatmul = (delegate* unmanaged[Cdecl]<
            MlxArray*, MlxArray, MlxArray, MlxArray, MlxArray, byte, OptionalInt, OptionalInt, byte*, MlxStream, int>)Address("mlx_quantized_matmul");
        Dequantize = (delegate* unmanaged[Cdecl]<
            MlxArray*, MlxArray, MlxArray, MlxArray, OptionalInt, OptionalInt, byte*, MlxArray, OptionalType, MlxStream, int>)Address("mlx_dequantize");
        RmsNorm = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, float, MlxStream, int>)Address("mlx_fast_rms_norm");
        Rope = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, int, byte, OptionalFloat, float, int, MlxArray, MlxStream, int>)Address("mlx_fast_rope");
        Attention = (delegate* unmanaged[Cdecl]<
            MlxArray*, MlxArray, MlxArray, MlxArray, float, byte*, MlxArray, MlxArray, MlxStream, int>)Address("mlx_fast_scaled_dot_product_attention");
        GroupIsAvailable = (delegate* unmanaged[Cdecl]<byte*, byte>)Address("mlx_distributed_is_available");
        GroupRank = (delegate* unmanaged[Cdecl]<MlxGroupHandle, int>)Address("mlx_distributed_group_rank");
        GroupSize = (delegate* unmanaged[Cdecl]<MlxGroupHandle, int>)Address("mlx_distributed_group_size");
        AllSum = (delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxGroupHandle, MlxStream, int>)Address("mlx_distributed_all_sum");
    }

    /// <summary>Where the library was found.</summary>
    internal string Path { get; }

    /// <summary>
    /// The older form (mlx-c 0.6.0): <c>mlx_distributed_init</c> returns the group, and a group cannot be freed. In the newer form it
    /// returns a code and writes the group.
    /// </summary>
    internal bool GroupsAreReturned { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray> ArrayNew { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray, int> ArrayFree { get; }

    internal delegate* unmanaged[Cdecl]<void*, int*, int, MlxType, MlxArray> ArrayNewData { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, int> ArraySet { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray, int> ArrayEval { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray, nuint> ArraySize { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray, MlxType> ArrayType { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray, float*> ArrayDataFloat32 { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, nuint, MlxArrayList> ListNew { get; }

    internal delegate* unmanaged[Cdecl]<MlxArrayList, int> ListFree { get; }

    internal delegate* unmanaged[Cdecl]<MlxArrayList, int> Eval { get; }

    internal delegate* unmanaged[Cdecl]<MlxArrayList, int> AsyncEval { get; }

    internal delegate* unmanaged[Cdecl]<MlxStream> CpuStream { get; }

    internal delegate* unmanaged[Cdecl]<MlxStream> GpuStream { get; }

    internal delegate* unmanaged[Cdecl]<MlxStream, int> StreamFree { get; }

    internal delegate* unmanaged[Cdecl]<MlxStream, int> Synchronize { get; }

    internal delegate* unmanaged[Cdecl]<MlxString> StringNew { get; }

    internal delegate* unmanaged[Cdecl]<MlxString, byte*> StringData { get; }

    internal delegate* unmanaged[Cdecl]<MlxString, int> StringFree { get; }

    internal delegate* unmanaged[Cdecl]<MlxString*, int> Version { get; }

    internal delegate* unmanaged[Cdecl]<byte*, int> MetalIsAvailable { get; }

    internal delegate* unmanaged[Cdecl]<MlxDeviceType, int, MlxDeviceHandle> DeviceNew { get; }

    internal delegate* unmanaged[Cdecl]<MlxDeviceHandle, int> DeviceFree { get; }

    internal delegate* unmanaged[Cdecl]<MlxDeviceInfoHandle> DeviceInfoNew { get; }

    internal delegate* unmanaged[Cdecl]<MlxDeviceInfoHandle*, MlxDeviceHandle, int> DeviceInfoGet { get; }

    internal delegate* unmanaged[Cdecl]<MlxDeviceInfoHandle, int> DeviceInfoFree { get; }

    internal delegate* unmanaged[Cdecl]<byte*, MlxDeviceInfoHandle, byte*, int> DeviceInfoHasKey { get; }

    internal delegate* unmanaged[Cdecl]<byte**, MlxDeviceInfoHandle, byte*, int> DeviceInfoText { get; }

    internal delegate* unmanaged[Cdecl]<nuint*, MlxDeviceInfoHandle, byte*, int> DeviceInfoNumber { get; }

    internal delegate* unmanaged[Cdecl]<nuint*, int> GetActiveMemory { get; }

    internal delegate* unmanaged[Cdecl]<nuint*, int> GetCacheMemory { get; }

    internal delegate* unmanaged[Cdecl]<nuint*, nuint, int> SetMemoryLimit { get; }

    internal delegate* unmanaged[Cdecl]<nuint*, nuint, int> SetCacheLimit { get; }

    internal delegate* unmanaged[Cdecl]<nuint*, nuint, int> SetWiredLimit { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, MlxStream, int> Add { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, MlxStream, int> Multiply { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, MlxStream, int> Matmul { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxStream, int> Sigmoid { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxType, MlxStream, int> AsType { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, byte, MlxStream, int> Contiguous { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, int*, nuint, MlxStream, int> Reshape { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, int*, nuint, MlxStream, int> Transpose { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, int, MlxStream, int> TakeAxis { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, int*, nuint, MlxType, MlxStream, int> Zeros { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArrayList, int, MlxStream, int> Concatenate { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, int*, nuint, int*, nuint, int*, nuint, MlxStream, int> Slice { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, int*, nuint, int*, nuint, int*, nuint, MlxStream, int> SliceUpdate { get; }

    internal delegate* unmanaged[Cdecl]<
        MlxArray*, MlxArray, MlxArray, MlxArray, MlxArray, byte, OptionalInt, OptionalInt, byte*, MlxStream, int> QuantizedMatmul
    { get; }

    internal delegate* unmanaged[Cdecl]<
        MlxArray*, MlxArray, MlxArray, MlxArray, OptionalInt, OptionalInt, byte*, MlxArray, OptionalType, MlxStream, int> Dequantize
    { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, float, MlxStream, int> RmsNorm { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, int, byte, OptionalFloat, float, int, MlxArray, MlxStream, int> Rope { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxArray, MlxArray, float, byte*, MlxArray, MlxArray, MlxStream, int> Attention { get; }

    internal delegate* unmanaged[Cdecl]<byte*, byte> GroupIsAvailable { get; }

    internal delegate* unmanaged[Cdecl]<MlxGroupHandle, int> GroupRank { get; }

    internal delegate* unmanaged[Cdecl]<MlxGroupHandle, int> GroupSize { get; }

    internal delegate* unmanaged[Cdecl]<MlxArray*, MlxArray, MlxGroupHandle, MlxStream, int> AllSum { get; }

    /// <summary>Connects MLX's own group in whichever form the library has.</summary>
    /// <param name="backend">For example <c>ring</c>, zero-terminated.</param>
    /// <returns>The group; empty where MLX refused, and then <see cref="MlxErrors"/> knows why.</returns>
    internal MlxGroupHandle ConnectGroup(byte* backend)
    {
        const byte Strict = 1;
        if (GroupsAreReturned)
        {
            return ((delegate* unmanaged[Cdecl]<byte, byte*, MlxGroupHandle>)Address("mlx_distributed_init"))(Strict, backend);
        }

        MlxGroupHandle group = ((delegate* unmanaged[Cdecl]<MlxGroupHandle>)Address(NewGroupsMark))();
        int code = ((delegate* unmanaged[Cdecl]<MlxGroupHandle*, byte, byte*, int>)Address("mlx_distributed_init"))(&group, Strict, backend);
        if (code == 0)
        {
            return group;
        }

        FreeGroup(group);
        return default;
    }

    /// <summary>Frees a group where the library can; the older form keeps it until the process ends.</summary>
    internal void FreeGroup(MlxGroupHandle group)
    {
        if (!GroupsAreReturned)
        {
            _ = ((delegate* unmanaged[Cdecl]<MlxGroupHandle, int>)Address("mlx_distributed_group_free"))(group);
        }
    }

    /// <summary>MLX's version, for example <c>0.31.2</c>.</summary>
    /// <exception cref="BackendException">It does not say.</exception>
    internal string ReadVersion()
    {
        MlxString text = StringNew();
        try
        {
            Check(Version(&text), "mlx_version");
            return Marshal.PtrToStringUTF8((nint)StringData(text)) ?? "of unknown version";
        }
        finally
        {
            _ = StringFree(text);
        }
    }

    /// <summary>Whether the library runs on Metal here.</summary>
    /// <exception cref="BackendException">It does not say.</exception>
    internal bool HasMetal()
    {
        byte isAvailable = 0;
        Check(MetalIsAvailable(&isAvailable), "mlx_metal_is_available");
        return isAvailable != 0;
    }

    /// <summary>Throws where a call failed.</summary>
    /// <param name="code">What it returned.</param>
    /// <param name="operation">Which call.</param>
    /// <exception cref="BackendException">The code is not 0.</exception>
    internal static void Check(int code, string operation)
    {
        if (code != 0)
        {
            MlxErrors.Throw(operation);
        }
    }

    private nint Address(string name) => NativeLibrary.TryGetExport(_library, name, out nint address) ? address : throw TooOld(name);

    private static UnavailableException TooOld(string name) =>
        new($"it lacks {name}, so it is older than mlx-c 0.6.0 or not mlx-c; install mlx-c 0.6.0 or later");
}
