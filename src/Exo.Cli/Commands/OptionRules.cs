using System.CommandLine;

namespace Exo.Cli.Commands;

/// <summary>Ranges of options, checked before anything is started and told with the option's name.</summary>
internal static class OptionRules
{
    /// <summary>Refuses values outside a range.</summary>
    /// <param name="option">The option.</param>
    /// <param name="holds">Whether a value can work.</param>
    /// <param name="range">The range in words, for example <c>at least 1</c>.</param>
    public static Option<T> Within<T>(this Option<T> option, Func<T, bool> holds, string range)
    {
        option.Validators.Add(result =>
        {
            if (result.GetValue(option) is { } value && !holds(value))
            {
                result.AddError(FormattableString.Invariant($"{option.Name}: {value} is out of range; it must be {range}."));
            }
        });
        return option;
    }

    /// <summary>Refuses numbers below a least one.</summary>
    public static Option<int> AtLeast(this Option<int> option, int least) => option.Within(value => value >= least, $"at least {least}");

    /// <summary>Refuses numbers below a least one.</summary>
    public static Option<int?> AtLeast(this Option<int?> option, int least) => option.Within(value => value >= least, $"at least {least}");
}
