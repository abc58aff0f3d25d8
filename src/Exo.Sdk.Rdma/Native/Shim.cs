using System.Runtime.InteropServices;

namespace Exo.Sdk.Rdma.Native;

/// <summary>The functions of <c>exo_rdma.h</c>, one to one. One thread at a time may use a device and all that hangs on it.</summary>
internal static unsafe partial class Shim
{
    /// <summary>The version of the interface that this assembly was written for.</summary>
    public const uint AbiVersion = 1;

    /// <summary>Bytes per name in a device list.</summary>
    public const int NameBytes = 64;

    private const string Library = ShimLoader.LibraryName;

    static Shim() => ShimLoader.Register();

    [LibraryImport(Library, EntryPoint = "exo_rdma_abi_version")]
    public static partial uint GetAbiVersion();

    [LibraryImport(Library, EntryPoint = "exo_rdma_library_open", StringMarshalling = StringMarshalling.Utf8)]
    public static partial ShimCode OpenLibrary(string? path, out nint library, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_library_close")]
    public static partial ShimCode CloseLibrary(nint library, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_library_name")]
    public static partial nint GetLibraryName(VerbsHandle library);

    [LibraryImport(Library, EntryPoint = "exo_rdma_device_list")]
    public static partial ShimCode ListDevices(VerbsHandle library, byte* names, int capacity, out int count, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_device_open", StringMarshalling = StringMarshalling.Utf8)]
    public static partial ShimCode OpenDevice(VerbsHandle library, string name, out nint device, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_device_close")]
    public static partial ShimCode CloseDevice(nint device, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_device_limits")]
    public static partial ShimCode ReadLimits(DeviceHandle device, out ShimLimits limits, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_port_read")]
    public static partial ShimCode ReadPort(DeviceHandle device, int port, out ShimPort info, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_gid_read")]
    public static partial ShimCode ReadGid(DeviceHandle device, int port, int index, out Gid gid, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_device_news")]
    public static partial ShimCode ReadNews(DeviceHandle device, out int fatal, out int portDown, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_slab_register")]
    public static partial ShimCode RegisterSlab(
        DeviceHandle device, ulong byteCount, uint access, out nint slab, out byte* address, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_slab_close")]
    public static partial ShimCode CloseSlab(nint slab, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_queue_create")]
    public static partial ShimCode CreateQueue(
        DeviceHandle device, int capacity, out nint queue, out int eventDescriptor, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_queue_close")]
    public static partial ShimCode CloseQueue(nint queue, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_queue_arm")]
    public static partial ShimCode ArmQueue(QueueHandle queue, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_queue_poll")]
    public static partial ShimCode PollQueue(
        QueueHandle queue, ShimCompletion* completions, int capacity, out int count, ShimError* error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_status_text")]
    public static partial nint GetStatusText(QueueHandle queue, int status);

    [LibraryImport(Library, EntryPoint = "exo_rdma_pair_create")]
    public static partial ShimCode CreatePair(
        QueueHandle queue, int kind, int port, int sendDepth, int receiveDepth, out nint pair, out ShimPairInfo info, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_pair_connect")]
    public static partial ShimCode ConnectPair(PairHandle pair, in ShimRoute route, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_pair_close")]
    public static partial ShimCode ClosePair(nint pair, out ShimError error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_post_receives")]
    public static partial ShimCode PostReceives(
        PairHandle pair, SlabHandle slab, ShimWork* work, int count, out int posted, ShimError* error);

    [LibraryImport(Library, EntryPoint = "exo_rdma_post_sends")]
    public static partial ShimCode PostSends(
        PairHandle pair, SlabHandle slab, ShimWork* work, int count, out int posted, ShimError* error);

    /// <summary>Throws what a code stands for; nothing for success.</summary>
    /// <param name="code">The code.</param>
    /// <param name="error">Its details.</param>
    /// <exception cref="UnavailableException">It is not success.</exception>
    public static void Check(ShimCode code, in ShimError error)
    {
        if (code != ShimCode.Ok)
        {
            throw new UnavailableException($"RDMA: {error.Message}.{Advice.For(code, error)}");
        }
    }
}
