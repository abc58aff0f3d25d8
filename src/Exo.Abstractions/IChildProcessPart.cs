using System.Diagnostics.CodeAnalysis;

namespace Exo.Sdk;

/// <summary>
/// A compute backend or a transport that child processes can have. No object reaches another process: the child makes one of the same type
/// with the public constructor without parameters, and then hands it the options that the parent's has described. What does not implement
/// this is not taken where ranks are child processes, so that no option is lost on the way. Code that is trimmed or compiled ahead of time
/// keeps the constructor.
/// </summary>
/// <remarks>A type without options implements it by name alone. Implementations are thread-safe.</remarks>
/// <example>
/// <code>
/// public sealed class AbacusBackend : IComputeBackend, IChildProcessPart
/// {
///     public int Beads { get; init; } = 10;
///
///     public string DescribeOptions() =&gt; Beads.ToString(CultureInfo.InvariantCulture);
///
///     public IChildProcessPart WithOptions(string options) =&gt; int.TryParse(options, CultureInfo.InvariantCulture, out int beads) &amp;&amp; beads is &gt; 0 and &lt; 1000
///         ? new AbacusBackend { Beads = beads }
///         : throw new ConfigurationException($"{options.Length} characters are not a number of beads.");
/// }
/// </code>
/// </example>
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)]
public interface IChildProcessPart
{
    /// <summary>The most characters of a description.</summary>
    const int MaxDescriptionLength = 16 << 10;

    /// <summary>Every option that is not at its default in some form of text.</summary>
    /// <returns>At most <see cref="MaxDescriptionLength"/> characters; empty where there are no options.</returns>
    string DescribeOptions() => "";

    /// <summary>One with the options that another has described. It comes from another process and is to be checked like any input.</summary>
    /// <param name="options">What <see cref="DescribeOptions"/> gave.</param>
    /// <returns>A part of the same type.</returns>
    /// <exception cref="ConfigurationException">The description is damaged or says what is out of range.</exception>
    IChildProcessPart WithOptions(string options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Length == 0 ? this : throw new ConfigurationException($"{GetType().Name} has no options, but {options.Length} characters of them came.");
    }
}
