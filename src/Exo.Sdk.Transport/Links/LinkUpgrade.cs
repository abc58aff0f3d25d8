namespace Exo.Sdk.Transport.Links;

/// <summary>Makes a transport's own links out of those on which a group has met. Called on a thread of its own, so it may block.</summary>
/// <param name="met">The connected links, which the result owns; where this throws, it ends them first, so that the peers learn why.</param>
/// <param name="group">The group, with addresses as its peers published them.</param>
/// <param name="cancellationToken">Ends the attempt.</param>
/// <returns>The connected links.</returns>
public delegate LinkGroup LinkUpgrade(LinkGroup met, GroupDescription group, CancellationToken cancellationToken);
