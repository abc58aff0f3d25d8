namespace Exo.Sdk;

/// <summary>The root of every error that Exo SDK raises on purpose.</summary>
public class ExoException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">What happened and, where it can be said, what to do next.</param>
    /// <param name="innerException">The error behind it, if any.</param>
    public ExoException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>Whether the same call may succeed later without any change by the caller.</summary>
    public virtual bool IsTransient => false;
}

/// <summary>An option or a combination of options cannot work. Raised before anything is started.</summary>
/// <param name="message">Which option, what it holds, what it may hold.</param>
public sealed class ConfigurationException(string message) : ExoException(message);

/// <summary>A peer broke the wire protocol: wrong version, oversized frame, stale epoch, failed authentication.</summary>
/// <param name="message">What was expected and what arrived.</param>
/// <param name="innerException">The error behind it, if any.</param>
public sealed class ProtocolException(string message, Exception? innerException = null) : ExoException(message, innerException);

/// <summary>A compute backend or a transport cannot be used on this machine.</summary>
/// <param name="message">What was tried and why each attempt failed.</param>
/// <param name="innerException">The error behind it, if any.</param>
public sealed class UnavailableException(string message, Exception? innerException = null) : ExoException(message, innerException);

/// <summary>The compute backend failed while loading a shard or running a step.</summary>
/// <param name="message">What failed, in which part of the shard.</param>
/// <param name="innerException">The error behind it, if any.</param>
public sealed class BackendException(string message, Exception? innerException = null) : ExoException(message, innerException);

/// <summary>One generation failed for a reason of its own; the cluster and all other generations go on.</summary>
/// <param name="message">What failed.</param>
/// <param name="innerException">The error behind it, if any.</param>
public sealed class GenerationException(string message, Exception? innerException = null) : ExoException(message, innerException);

/// <summary>Another node of the cluster reported an error of its own, for example that it has no copy of the model.</summary>
public sealed class NodeException : ExoException
{
    /// <summary>Creates the error.</summary>
    /// <param name="node">The node, by name and endpoint.</param>
    /// <param name="message">What the node reported.</param>
    /// <param name="innerException">The error behind it, if any.</param>
    public NodeException(string node, string message, Exception? innerException = null)
        : base($"Node {node}: {message}", innerException) => Node = node;

    /// <summary>The node, by name and endpoint.</summary>
    public string Node { get; }
}
