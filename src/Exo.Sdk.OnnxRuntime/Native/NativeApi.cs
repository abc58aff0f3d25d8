using System.Runtime.InteropServices;
using Exo.Sdk.OnnxRuntime.Graph;

namespace Exo.Sdk.OnnxRuntime.Native;

/// <summary>
/// The few entries of ONNX Runtime's C function table that its .NET package does not wrap: custom operators, what runs
/// inside them, and weights in memory. Entries are only ever appended to the table, so an index holds for every later version.
/// </summary>
internal static unsafe partial class NativeApi
{
    /// <summary>The oldest version of the function table that has every entry used here.</summary>
    internal const uint Version = 20;

    private const int CreateStatusIndex = 0;
    private const int GetErrorMessageIndex = 2;
    private const int CreateCustomOpDomainIndex = 26;
    private const int CustomOpDomainAddIndex = 27;
    private const int AddCustomOpDomainIndex = 28;
    private const int GetTensorMutableDataIndex = 51;
    private const int KernelContextGetInputIndex = 90;
    private const int KernelContextGetOutputIndex = 91;
    private const int ReleaseStatusIndex = 93;
    private const int ReleaseCustomOpDomainIndex = 101;
    private const int AddExternalInitializersFromFilesInMemoryIndex = 279;
    private const int FailCode = 1;

    private static readonly Lazy<nint> Table = new(Load);

    /// <summary>The native library's version text.</summary>
    /// <exception cref="DllNotFoundException">The native library is missing.</exception>
    internal static string LibraryVersion
    {
        get
        {
            ApiBase* api = OrtGetApiBase();
            return Marshal.PtrToStringUTF8((nint)api->GetVersionString()) ?? "unknown";
        }
    }

    private static void** Entries => (void**)Table.Value;

    /// <summary>Makes a failure status with a message; the runtime releases it.</summary>
    internal static void* CreateFailure(string message)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(message);
        try
        {
            return ((delegate* unmanaged<int, byte*, void*>)Entries[CreateStatusIndex])(FailCode, (byte*)text);
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    internal static nint CreateCustomOpDomain(string name)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(name);
        try
        {
            nint domain;
            Check(((delegate* unmanaged<byte*, nint*, void*>)Entries[CreateCustomOpDomainIndex])((byte*)text, &domain));
            return domain;
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    internal static void AddToDomain(nint domain, OrtCustomOp* operation) =>
        Check(((delegate* unmanaged<nint, OrtCustomOp*, void*>)Entries[CustomOpDomainAddIndex])(domain, operation));

    internal static void AddDomain(nint sessionOptions, nint domain) =>
        Check(((delegate* unmanaged<nint, nint, void*>)Entries[AddCustomOpDomainIndex])(sessionOptions, domain));

    internal static void ReleaseCustomOpDomain(nint domain) =>
        ((delegate* unmanaged<nint, void>)Entries[ReleaseCustomOpDomainIndex])(domain);

    /// <summary>Gives sessions the content of files that their graphs name.</summary>
    /// <param name="sessionOptions">The sessions' options.</param>
    /// <param name="files">The files; their memory must outlive the sessions.</param>
    internal static void AddFilesInMemory(nint sessionOptions, IReadOnlyList<ExternalTensor> files)
    {
        nint[] names = [.. files.Select(file => OperatingSystem.IsWindows()
            ? Marshal.StringToCoTaskMemUni(file.Name)
            : Marshal.StringToCoTaskMemUTF8(file.Name))];
        nint[] addresses = [.. files.Select(file => file.Address)];
        nuint[] lengths = [.. files.Select(file => (nuint)file.ByteCount)];
        try
        {
            fixed (nint* name = names, address = addresses)
            fixed (nuint* length = lengths)
            {
                Check(((delegate* unmanaged<nint, nint*, nint*, nuint*, nuint, void*>)Entries[AddExternalInitializersFromFilesInMemoryIndex])(
                    sessionOptions, name, address, length, (nuint)files.Count));
            }
        }
        finally
        {
            Array.ForEach(names, Marshal.FreeCoTaskMem);
        }
    }

    internal static float* GetInput(nint context, int index)
    {
        nint value;
        Check(((delegate* unmanaged<nint, nuint, nint*, void*>)Entries[KernelContextGetInputIndex])(context, (nuint)index, &value));
        return DataOf(value);
    }

    internal static float* GetOutput(nint context, int index, ReadOnlySpan<long> shape)
    {
        nint value;
        fixed (long* dimensions = shape)
        {
            Check(((delegate* unmanaged<nint, nuint, long*, nuint, nint*, void*>)Entries[KernelContextGetOutputIndex])(
                context, (nuint)index, dimensions, (nuint)shape.Length, &value));
        }

        return DataOf(value);
    }

    private static float* DataOf(nint value)
    {
        float* data;
        Check(((delegate* unmanaged<nint, float**, void*>)Entries[GetTensorMutableDataIndex])(value, &data));
        return data;
    }

    private static void Check(void* status)
    {
        if (status is null)
        {
            return;
        }

        byte* text = ((delegate* unmanaged<void*, byte*>)Entries[GetErrorMessageIndex])(status);
        string message = Marshal.PtrToStringUTF8((nint)text) ?? "unknown error";
        ((delegate* unmanaged<void*, void>)Entries[ReleaseStatusIndex])(status);
        throw new BackendException($"ONNX Runtime: {message}");
    }

    private static nint Load()
    {
        ApiBase* api = OrtGetApiBase();
        void* table = api->GetApi(Version);
        return table is not null
            ? (nint)table
            : throw new UnavailableException($"The native ONNX Runtime {LibraryVersion} is older than its version 1.{Version}, which is needed.");
    }

    // The library that Microsoft.ML.OnnxRuntime itself loads, found by the same rules.
    [LibraryImport("onnxruntime")]
    private static partial ApiBase* OrtGetApiBase();

    [StructLayout(LayoutKind.Sequential)]
    private struct ApiBase
    {
        public delegate* unmanaged<uint, void*> GetApi;
        public delegate* unmanaged<byte*> GetVersionString;
    }
}
