using Exo.Sdk.Input;

namespace Exo.Sdk.Control;

/// <summary>An error on its way from a node to its host, which raises it again as what it was. The host trusts none of its texts.</summary>
internal sealed record RemoteError(string Kind, string Message)
{
    private const int LongestText = 2000;
    private const int MostTexts = 64;

    /// <summary>See <see cref="ModelFormatException.File"/>.</summary>
    public string? File { get; init; }

    /// <summary>See <see cref="ModelFormatException.Problem"/>.</summary>
    public string? Problem { get; init; }

    /// <summary>See <see cref="ModelFormatException.Expected"/>.</summary>
    public string? Expected { get; init; }

    /// <summary>See <see cref="ModelFormatException.Found"/>.</summary>
    public string? Found { get; init; }

    /// <summary>See <see cref="ModelFormatException.Tensor"/>.</summary>
    public string? Tensor { get; init; }

    /// <summary>See <see cref="ModelFormatException.Offset"/>.</summary>
    public long? Offset { get; init; }

    /// <summary>See <see cref="UnsupportedModelException.Feature"/>.</summary>
    public string? Feature { get; init; }

    /// <summary>See <see cref="UnsupportedModelException.Supported"/> and <see cref="PlanRefusedException.Reasons"/>.</summary>
    public string?[]? Texts { get; init; }

    /// <summary>See <see cref="PeerLostException.LostRank"/>.</summary>
    public int? LostRank { get; init; }

    /// <summary>What a node says of an error.</summary>
    public static RemoteError Of(Exception error)
    {
        RemoteError plain = new(error.GetType().Name, Clean(error.Message));
        return error switch
        {
            ModelFormatException format => plain with
            {
                File = format.File,
                Problem = format.Problem,
                Expected = format.Expected,
                Found = format.Found,
                Tensor = format.Tensor,
                Offset = format.Offset,
            },
            UnsupportedModelException unsupported => plain with { Feature = unsupported.Feature, Texts = [.. unsupported.Supported.Take(MostTexts)] },
            PlanRefusedException refused => plain with { Texts = [.. refused.Reasons.Take(MostTexts)] },
            PeerLostException lost => plain with { LostRank = lost.LostRank, Message = Clean(lost.Reason) },
            _ => plain,
        };
    }

    /// <summary>The error as the host raises it: of the same type and with the same facts, and the node's name with it.</summary>
    /// <param name="node">The node, for people.</param>
    public ExoException ToException(string node)
    {
        NodeException plain = new(node, Kind is nameof(NodeException) ? Clean(Message) : $"{Clean(Message)} ({HostileText.Shorten(Kind)})");
        string told = $"Node {node}: {Clean(Message)}";
        return Kind switch
        {
            nameof(ModelFormatException) => new ModelFormatException(
                Clean(File), $"on node {node}: {Clean(Problem)}", CleanOrNull(Expected), CleanOrNull(Found), CleanOrNull(Tensor), Offset, plain),
            nameof(UnsupportedModelException) => new UnsupportedModelException($"{Clean(Feature)} on node {node}", CleanTexts()),
            nameof(PlanRefusedException) => new PlanRefusedException([$"node {node} says", .. CleanTexts()]),
            nameof(PeerLostException) when LostRank is { } rank => new PeerLostException(rank, Clean(Message), plain),
            nameof(ConfigurationException) => new ConfigurationException(told),
            nameof(ProtocolException) => new ProtocolException(told, plain),
            nameof(UnavailableException) => new UnavailableException(told, plain),
            nameof(BackendException) => new BackendException(told, plain),
            _ => plain,
        };
    }

    /// <summary>The error as a phrase.</summary>
    public override string ToString() => $"{Clean(Message)} ({HostileText.Shorten(Kind)})";

    private static string Clean(string? text) => HostileText.Shorten(text, LongestText);

    private static string? CleanOrNull(string? text) => text is null ? null : Clean(text);

    private IReadOnlyList<string> CleanTexts() => [.. (Texts ?? []).Take(MostTexts).Select(Clean)];
}
