using Exo.Sdk.Rdma.Devices;
using Exo.Sdk.Rdma.Native;
using Exo.Sdk.Rdma.Pairs;

namespace Exo.Sdk.Rdma.Links;

/// <summary>A device as one group uses it: one completion queue and one registered slab for all peers behind it.</summary>
internal sealed unsafe class LinkDevice : IDisposable
{
    private const int Batch = 32;
    private const int PeerShift = 32;
    private const int KindShift = 48;

    private readonly DeviceUse _use;
    private readonly int _pairs;
    private DeviceHandle? _device;

    private LinkDevice(DeviceUse use, string name, int pairs)
    {
        _use = use;
        Name = name;
        _pairs = pairs;
    }

    /// <summary>What a completion is of.</summary>
    internal enum Work
    {
        /// <summary>A receive.</summary>
        Receive = 1,

        /// <summary>A send with data.</summary>
        Data = 2,

        /// <summary>A send without data.</summary>
        Report = 3,
    }

    /// <summary>The device's name.</summary>
    public string Name { get; }

    /// <summary>Where all work completes.</summary>
    public QueueHandle Queue { get; private set; } = null!;

    /// <summary>The registered memory.</summary>
    public SlabHandle Slab { get; private set; } = null!;

    /// <summary>Why the device can no longer be used, or null.</summary>
    public string? Failure { get; private set; }

    /// <summary>Opens a device for a group.</summary>
    /// <param name="transport">The transport with its options and counts.</param>
    /// <param name="library">The verbs library.</param>
    /// <param name="port">The port that is used.</param>
    /// <param name="terms">The terms with each peer behind it.</param>
    /// <returns>The device.</returns>
    /// <exception cref="UnavailableException">A limit is reached, or the device refuses.</exception>
    public static LinkDevice Open(RdmaTransport transport, VerbsHandle library, LocalPort port, IReadOnlyList<PairTerms> terms)
    {
        int work = terms.Sum(pair => 2 * (pair.Depth + PairTerms.Spare));
        if (work > port.MaxCompletions)
        {
            throw new UnavailableException(
                $"RDMA device {port.Device} keeps {port.MaxCompletions} completions; {terms.Count} peers at this depth need {work}. Lower RdmaOptions.Depth.");
        }

        transport.Use.Take(port.Device, port.Limits, terms.Count, 1);
        LinkDevice made = new(transport.Use, port.Device, terms.Count);
        try
        {
            made._device = DeviceHandle.Open(library, port.Device);
            made.Queue = QueueHandle.Create(made._device, work);
            made.Slab = SlabHandle.Register(made._device, terms.Sum(pair => pair.SlabBytes), transport.Options.Access);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>Closes pairs and then their devices.</summary>
    /// <param name="devices">The devices.</param>
    /// <param name="links">The pairs.</param>
    public static void CloseAll(List<LinkDevice> devices, PeerLink?[] links)
    {
        foreach (PeerLink? link in links)
        {
            link?.Dispose();
        }

        devices.ForEach(device => device.Dispose());
    }

    /// <summary>The number under which a piece of work completes.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="peer">The peer.</param>
    /// <param name="slot">The slot.</param>
    /// <returns>The number.</returns>
    public static ulong Id(Work kind, int peer, int slot) => ((ulong)kind << KindShift) | ((ulong)peer << PeerShift) | (uint)slot;

    /// <summary>Takes finished work and hands each piece to its pair, until there is none.</summary>
    /// <param name="links">The pairs by rank.</param>
    /// <returns>How many pieces.</returns>
    public int Poll(PeerLink?[] links)
    {
        ShimCompletion* found = stackalloc ShimCompletion[Batch];
        int total = 0;
        while (Failure is null)
        {
            ShimError error;
            if (Shim.PollQueue(Queue, found, Batch, out int count, &error) != ShimCode.Ok)
            {
                Failure = error.Message;
                return total;
            }

            for (int i = 0; i < count; i++)
            {
                ref ShimCompletion completion = ref found[i];
                int peer = (int)(completion.Id >> PeerShift) & 0xFFFF;
                PeerLink link = links[peer]!;
                if (completion.Status != 0)
                {
                    link.Fail($"{Queue.Describe(completion.Status)} (status {completion.Status}, vendor {completion.VendorError})");
                }
                else
                {
                    link.Complete((Work)(completion.Id >> KindShift), (int)(completion.Id & uint.MaxValue), completion.Length);
                }
            }

            total += count;
            if (count < Batch)
            {
                return total;
            }
        }

        return total;
    }

    /// <summary>Asks for a signal on the queue's descriptor at the next completion.</summary>
    public void Arm()
    {
        if (Failure is null && Shim.ArmQueue(Queue, out ShimError error) != ShimCode.Ok)
        {
            Failure = error.Message;
        }
    }

    /// <summary>Asks the device whether something has happened to it.</summary>
    public void ReadNews()
    {
        int fatal = 0;
        int portDown = 0;
        while (Failure is null && Shim.ReadNews(_device!, out fatal, out portDown, out _) == ShimCode.Ok && (fatal | portDown) != 0)
        {
            Failure = fatal != 0 ? "the device reported a fatal event" : "its port lost the link";
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        Queue?.Dispose();
        Slab?.Dispose();
        _device?.Dispose();
        _use.Give(Name, _pairs, 1);
    }

    private int _disposed;
}
