namespace Exo.Sdk.Transport.Links;

/// <summary>Checks what a caller says of a group before anything is connected.</summary>
public static class GroupCheck
{
    /// <summary>Checks a description.</summary>
    /// <param name="group">The description.</param>
    /// <param name="address">The address of the endpoint that it is used on.</param>
    /// <exception cref="ConfigurationException">It cannot work.</exception>
    public static void Validate(GroupDescription group, string address)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (group.Size is < 1 or > LinkGroup.MaxSize)
        {
            throw new ConfigurationException($"A group of {group.Size} ranks; 1 to {LinkGroup.MaxSize} are possible.");
        }

        if (group.Rank < 0 || group.Rank >= group.Size)
        {
            throw new ConfigurationException($"Rank {group.Rank} in a group of {group.Size}; expected 0 to {group.Size - 1}.");
        }

        if (group.Addresses[group.Rank] != address)
        {
            throw new ConfigurationException(
                $"Rank {group.Rank} has the address '{group.Addresses[group.Rank]}', but its endpoint is '{address}'.");
        }

        if (!Enum.IsDefined(group.WirePrecision))
        {
            throw new ConfigurationException(
                $"The wire precision {group.WirePrecision} is unknown; known are {string.Join(", ", Enum.GetNames<WirePrecision>())}.");
        }

        if (group.Deadline <= TimeSpan.Zero || group.ConnectTimeout <= TimeSpan.Zero)
        {
            throw new ConfigurationException(
                $"{nameof(group.Deadline)} is {group.Deadline} and {nameof(group.ConnectTimeout)} is {group.ConnectTimeout}; both must be positive.");
        }
    }
}
