namespace Exo.Sdk.Transport;

/// <summary>A transport whose devices are on networks of their own: two ranks reach each other if they have one in common.</summary>
internal interface INetworkedTransport : ITransport
{
    /// <summary>The networks that this machine's devices are on, for example <c>10.0.1.0/24</c>; empty where there are none.</summary>
    IReadOnlyList<string> Networks();
}
