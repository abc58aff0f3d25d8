using System.Globalization;
using Exo.Sdk;
using Exo.Sdk.Transport;
using Exo.Sdk.Transport.Links;

namespace Exo.Outside.Tests;

/// <summary>A transport of somebody else: its ranks meet on TCP, and every byte on its links is masked by where it stands in the stream.</summary>
internal sealed class MaskedTransport : ITransport, IChildProcessPart
{
    public string Name => "masked";

    /// <summary>What masks; the same on both ends of a link, or nothing that arrives makes sense.</summary>
    public byte Seed { get; init; } = 0x5a;

    public string DescribeOptions() => Seed.ToString(CultureInfo.InvariantCulture);

    public IChildProcessPart WithOptions(string options) => byte.TryParse(options, NumberStyles.None, CultureInfo.InvariantCulture, out byte seed)
        ? new MaskedTransport { Seed = seed }
        : throw new ConfigurationException("That is no seed.");

    public Availability Probe() => Availability.Yes("wherever TCP is");

    public ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(new TcpTransport().OpenMeetingPoint(options, "masked:", (met, group, _) => new MaskedLinkGroup(met, group, Seed)));
    }
}

/// <summary>Adds masked transport to a cluster or a node.</summary>
internal static class MaskedParts
{
    public static TParts UseMasked<TParts>(this TParts parts)
        where TParts : IClusterParts<TParts> => parts.OfferTransport(new MaskedTransport());
}

/// <summary>Links that mask what goes over others.</summary>
internal sealed class MaskedLinkGroup : LinkGroup
{
    private readonly LinkGroup _met;
    private readonly byte _seed;
    private readonly long[] _sent;
    private readonly long[] _received;
    private readonly byte[] _scratch = new byte[16 << 10];

    public MaskedLinkGroup(LinkGroup met, GroupDescription group, byte seed)
        : base(group.Rank, group.Size, group.Epoch)
    {
        _met = met;
        _seed = seed;
        _sent = new long[group.Size];
        _received = new long[group.Size];
        met.Enter(); // Whoever ends them, they are not released before Exit.
    }

    public override bool IsOneMachine => _met.IsOneMachine;

    public override uint Departed => _met.Departed;

    public override int TrySend(int peer, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        int first = Math.Min(head.Length, _scratch.Length), second = Math.Min(body.Length, _scratch.Length - first);
        Span<byte> masked = _scratch.AsSpan(0, first + second);
        head[..first].CopyTo(masked);
        body[..second].CopyTo(masked[first..]);
        Mask(masked, _sent[peer]);
        int moved = _met.TrySend(peer, masked, []);
        _sent[peer] += Math.Max(moved, 0);
        return moved;
    }

    public override int TryReceive(int peer, Span<byte> head, Span<byte> body)
    {
        int moved = _met.TryReceive(peer, head, body);
        int first = Math.Clamp(moved, 0, head.Length);
        Mask(head[..first], _received[peer]);
        Mask(body[..Math.Max(moved - first, 0)], _received[peer] + first);
        _received[peer] += Math.Max(moved, 0);
        return moved;
    }

    public override int Peek(int peer) => _met.Peek(peer);

    public override void Wait(uint receiveFrom, uint sendTo, int milliseconds)
    {
        _met.Wait(receiveFrom, sendTo, milliseconds);
        if (_met.Ending is { } ending)
        {
            End(ending);
        }
    }

    public override Ending Explain(int peer) => Ending ?? _met.Explain(peer);

    protected override void Disconnect(Ending ending) => _met.End(ending);

    protected override void Release() => _met.Exit(finished: true);

    private void Mask(Span<byte> bytes, long at)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= (byte)(_seed + (31 * (at + i)));
        }
    }
}
