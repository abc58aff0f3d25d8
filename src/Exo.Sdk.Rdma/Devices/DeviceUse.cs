namespace Exo.Sdk.Rdma.Devices;

/// <summary>
/// Counts the queue pairs and memory regions that one transport has on each device, so that a device's limits, or the
/// lower ones of the options, end in an error that names them. Thread-safe.
/// </summary>
internal sealed class DeviceUse
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (int Pairs, int Regions)> _used = [];

    /// <summary>Takes some of a device's resources.</summary>
    /// <param name="device">The device.</param>
    /// <param name="limits">Its limits.</param>
    /// <param name="pairs">Queue pairs.</param>
    /// <param name="regions">Memory regions.</param>
    /// <exception cref="UnavailableException">Too few are left; nothing is taken.</exception>
    public void Take(string device, in RdmaLimits limits, int pairs, int regions)
    {
        lock (_gate)
        {
            _used.TryGetValue(device, out (int Pairs, int Regions) used);
            if (used.Pairs + pairs > limits.MaxQueuePairs)
            {
                throw new UnavailableException(
                    $"RDMA device {device} allows {limits.MaxQueuePairs} queue pairs; {used.Pairs} are in use and {pairs} more are needed. "
                    + "Each peer takes one: use fewer ranks per device, or another device.");
            }

            if (used.Regions + regions > limits.MaxMemoryRegions)
            {
                throw new UnavailableException(
                    $"RDMA device {device} allows {limits.MaxMemoryRegions} memory regions; {used.Regions} are in use. "
                    + "Dispose registrations that are not needed, or register one and divide it.");
            }

            _used[device] = (used.Pairs + pairs, used.Regions + regions);
        }
    }

    /// <summary>Gives resources back.</summary>
    /// <param name="device">The device.</param>
    /// <param name="pairs">Queue pairs.</param>
    /// <param name="regions">Memory regions.</param>
    public void Give(string device, int pairs, int regions)
    {
        lock (_gate)
        {
            (int usedPairs, int usedRegions) = _used[device];
            _used[device] = (usedPairs - pairs, usedRegions - regions);
        }
    }
}
