using System.Runtime.InteropServices;

namespace Exo.Sdk.Rdma.Native;

/// <summary>
/// A native object whose parent must outlive it: each child holds a reference on its parent, so that whatever the order
/// of disposal and finalization the native tree is taken down leaf by leaf.
/// </summary>
internal abstract class ShimHandle : SafeHandle
{
    private SafeHandle? _parent;

    private protected ShimHandle()
        : base(0, ownsHandle: true)
    {
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Takes over a native object.</summary>
    /// <param name="native">The object.</param>
    /// <param name="parent">What it hangs on.</param>
    private protected void Adopt(nint native, SafeHandle? parent)
    {
        if (parent is not null)
        {
            bool counted = false;
            parent.DangerousAddRef(ref counted);
            _parent = parent;
        }

        SetHandle(native);
    }

    /// <inheritdoc/>
    protected sealed override bool ReleaseHandle()
    {
        bool closed = Close(handle) == ShimCode.Ok;
        _parent?.DangerousRelease();
        return closed;
    }

    /// <summary>Closes the native object.</summary>
    /// <param name="native">The object.</param>
    /// <returns>The result.</returns>
    private protected abstract ShimCode Close(nint native);
}

/// <summary>A loaded verbs library.</summary>
internal sealed class VerbsHandle : ShimHandle
{
    internal VerbsHandle()
    {
    }

    /// <summary>The name it was loaded by.</summary>
    public string Name => Marshal.PtrToStringUTF8(Shim.GetLibraryName(this)) ?? "";

    /// <summary>Loads the verbs library.</summary>
    /// <param name="path">Its path, or null for the system's usual names.</param>
    /// <returns>The library.</returns>
    /// <exception cref="UnavailableException">The shim or the library cannot be loaded.</exception>
    public static VerbsHandle Open(string? path)
    {
        if (ShimLoader.WhyAbsent() is { } reason)
        {
            throw new UnavailableException(reason);
        }

        VerbsHandle made = new();
        Shim.Check(Shim.OpenLibrary(path, out nint native, out ShimError error), error);
        made.Adopt(native, null);
        return made;
    }

    private protected override ShimCode Close(nint native) => Shim.CloseLibrary(native, out _);
}

/// <summary>An open device.</summary>
internal sealed class DeviceHandle : ShimHandle
{
    internal DeviceHandle()
    {
    }

    /// <summary>Opens a device.</summary>
    /// <param name="library">The verbs library.</param>
    /// <param name="name">The device's name.</param>
    /// <returns>The device.</returns>
    /// <exception cref="UnavailableException">There is none of that name, or it cannot be opened.</exception>
    public static DeviceHandle Open(VerbsHandle library, string name)
    {
        DeviceHandle made = new();
        Shim.Check(Shim.OpenDevice(library, name, out nint native, out ShimError error), error);
        made.Adopt(native, library);
        return made;
    }

    private protected override ShimCode Close(nint native) => Shim.CloseDevice(native, out _);
}

/// <summary>Registered memory.</summary>
internal sealed unsafe class SlabHandle : ShimHandle
{
    internal SlabHandle()
    {
    }

    /// <summary>The first byte.</summary>
    public byte* Address { get; private set; }

    /// <summary>Allocates and registers memory.</summary>
    /// <param name="device">The device.</param>
    /// <param name="byteCount">The size in bytes.</param>
    /// <param name="access">What the device may do with it.</param>
    /// <returns>The memory.</returns>
    /// <exception cref="UnavailableException">The device refuses.</exception>
    public static SlabHandle Register(DeviceHandle device, long byteCount, RdmaAccess access)
    {
        SlabHandle made = new();
        Shim.Check(
            Shim.RegisterSlab(device, (ulong)byteCount, (uint)access, out nint native, out byte* address, out ShimError error), error);
        made.Address = address;
        made.Adopt(native, device);
        return made;
    }

    private protected override ShimCode Close(nint native) => Shim.CloseSlab(native, out _);
}

/// <summary>A completion queue.</summary>
internal sealed class QueueHandle : ShimHandle
{
    internal QueueHandle()
    {
    }

    /// <summary>The descriptor that polls readable after a completion on an armed queue, or −1.</summary>
    public int EventDescriptor { get; private set; }

    /// <summary>Makes a queue.</summary>
    /// <param name="device">The device.</param>
    /// <param name="capacity">The most completions that can wait in it.</param>
    /// <returns>The queue.</returns>
    /// <exception cref="UnavailableException">The device refuses.</exception>
    public static QueueHandle Create(DeviceHandle device, int capacity)
    {
        QueueHandle made = new();
        Shim.Check(Shim.CreateQueue(device, capacity, out nint native, out int descriptor, out ShimError error), error);
        made.EventDescriptor = descriptor;
        made.Adopt(native, device);
        return made;
    }

    /// <summary>Says what a completion's status means.</summary>
    /// <param name="status">The status.</param>
    /// <returns>A phrase.</returns>
    public string Describe(int status) => Marshal.PtrToStringUTF8(Shim.GetStatusText(this, status)) ?? "unknown status";

    private protected override ShimCode Close(nint native) => Shim.CloseQueue(native, out _);
}

/// <summary>A queue pair.</summary>
internal sealed class PairHandle : ShimHandle
{
    internal PairHandle()
    {
    }

    /// <summary>Its number and the depths that the device granted.</summary>
    public ShimPairInfo Info { get; private set; }

    /// <summary>Makes a queue pair that receives can be posted to.</summary>
    /// <param name="queue">Where its work completes.</param>
    /// <param name="reliable">Whether it is RC; else UC.</param>
    /// <param name="port">The port, from 1.</param>
    /// <param name="sendDepth">Sends that may be open.</param>
    /// <param name="receiveDepth">Receives that may be posted.</param>
    /// <returns>The queue pair.</returns>
    /// <exception cref="UnavailableException">The device refuses.</exception>
    public static PairHandle Create(QueueHandle queue, bool reliable, int port, int sendDepth, int receiveDepth)
    {
        PairHandle made = new();
        Shim.Check(
            Shim.CreatePair(
                queue, reliable ? 0 : 1, port, sendDepth, receiveDepth, out nint native, out ShimPairInfo info, out ShimError error),
            error);
        made.Info = info;
        made.Adopt(native, queue);
        return made;
    }

    private protected override ShimCode Close(nint native) => Shim.ClosePair(native, out _);
}
