using Exo.Sdk.Input;

namespace Exo.Sdk.Nodes;

/// <summary>
/// Where a node looks for the model that a host names. The host's path is only a name for it: what is opened lies below a folder that the
/// node's owner has stated, links resolved.
/// </summary>
internal sealed class ModelRoots
{
    private readonly string? _only;
    private readonly string[]? _roots;

    private ModelRoots(string? only, string[]? roots) => (_only, _roots) = (only, roots);

    /// <summary>Any folder: for a child process, which its own program has started.</summary>
    public static ModelRoots Anywhere { get; } = new(null, null);

    /// <summary>One model, whatever path the host names.</summary>
    public static ModelRoots Only(string folder) => new(Path.GetFullPath(folder), null);

    /// <summary>Models below some folders.</summary>
    public static ModelRoots Below(IEnumerable<string> roots) => new(null, [.. roots.Select(Path.GetFullPath)]);

    /// <summary>
    /// Finds the folder: the host's own path where that lies below a root, else a folder of the same name below a root.
    /// </summary>
    /// <param name="asked">The host's path.</param>
    /// <returns>The folder to open.</returns>
    /// <exception cref="ConfigurationException">There is none below the roots.</exception>
    public string Find(string asked)
    {
        if (_only is not null)
        {
            return _only;
        }

        if (_roots is null)
        {
            return asked;
        }

        if (asked.Length > 0 && !asked.Contains('\0', StringComparison.Ordinal))
        {
            foreach (string candidate in Candidates(asked))
            {
                if (RealPath.Of(candidate) is { } real && _roots.Any(root => RealPath.Of(root) is { } top && RealPath.IsBelow(real, top)))
                {
                    return real;
                }
            }
        }

        throw new ConfigurationException(
            $"The model {HostileText.Quote(asked)} is not on this node. It looks below {(_roots.Length == 0 ? "no folder" : string.Join(", ", _roots))}: "
            + "copy the model there, or start the node with NodeOptions.ModelFolder or ModelRoots (exo node --model or --models).");
    }

    private IEnumerable<string> Candidates(string asked)
    {
        if (Path.IsPathFullyQualified(asked))
        {
            yield return Path.GetFullPath(asked);
        }

        // The host may run another system, with other separators.
        string name = asked.TrimEnd('/', '\\');
        name = name[(name.LastIndexOfAny(['/', '\\', ':']) + 1)..];
        if (name is not ("" or "." or ".."))
        {
            foreach (string root in _roots!)
            {
                yield return Path.Combine(root, name);
            }
        }
    }
}
