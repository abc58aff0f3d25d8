using System.CommandLine;
using Exo.Sdk;

namespace Exo.Cli.Commands;

/// <summary>Reads options that have a range. What is out of range is told with the option's name, before anything is started.</summary>
internal static class OptionRanges
{
    /// <exception cref="ConfigurationException">The value cannot work.</exception>
    public static T? GetWithin<T>(this ParseResult result, Option<T> option, Func<T?, bool> holds, string range)
    {
        T? value = result.GetValue(option);
        return holds(value)
            ? value
            : throw new ConfigurationException(FormattableString.Invariant($"{option.Name}: {value} is out of range; it must be {range}."));
    }

    /// <exception cref="ConfigurationException">The value cannot work.</exception>
    public static int GetAtLeast(this ParseResult result, Option<int> option, int least) =>
        result.GetWithin(option, value => value >= least, $"at least {least}");

    /// <exception cref="ConfigurationException">The value is given and cannot work.</exception>
    public static int? GetAtLeast(this ParseResult result, Option<int?> option, int least) =>
        result.GetWithin(option, value => value is null || value >= least, $"at least {least}");
}
