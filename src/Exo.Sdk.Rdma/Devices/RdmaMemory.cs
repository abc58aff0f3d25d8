using Exo.Sdk.Rdma.Native;

namespace Exo.Sdk.Rdma.Devices;

/// <summary>A registration of its own, with the device open for as long as it lives.</summary>
internal sealed unsafe class RdmaMemory(DeviceUse use, string name, DeviceHandle device, SlabHandle slab, long byteCount) : IRdmaMemory
{
    private int _disposed;

    /// <inheritdoc/>
    public nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
            return (nint)slab.Address;
        }
    }

    /// <inheritdoc/>
    public long ByteCount => byteCount;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            slab.Dispose();
            device.Dispose();
            use.Give(name, 0, 1);
        }
    }
}
