using System.Globalization;

namespace Exo.Sdk.Testing.Conformance;

/// <summary>A promise that is not kept; the suite adds whose and which.</summary>
internal sealed class Mismatch(string expected, string found, Exception? innerException = null)
    : Exception($"Expected {expected}, found {found}.", innerException)
{
    public string Expected => expected;

    public string Found => found;
}

/// <summary>Says what must be.</summary>
internal static class Expect
{
    public static void That(bool condition, string expected, string found)
    {
        if (!condition)
        {
            throw new Mismatch(expected, found);
        }
    }

    public static void Equal<T>(T found, T expected, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(found, expected))
        {
            throw new Mismatch(
                string.Create(CultureInfo.InvariantCulture, $"{what} to be {expected}"), string.Create(CultureInfo.InvariantCulture, $"{found}"));
        }
    }

    public static void Same<T>(ReadOnlySpan<T> found, ReadOnlySpan<T> expected, string what)
        where T : unmanaged, IEquatable<T>
    {
        int at = found.CommonPrefixLength(expected);
        if (found.Length != expected.Length || at != found.Length)
        {
            throw new Mismatch(
                $"{what}: {expected.Length} values, number {at} of them {(at < expected.Length ? expected[at] : "beyond the end")}",
                $"{found.Length} values, number {at} of them {(at < found.Length ? found[at] : "beyond the end")}");
        }
    }

    public static void Within(TimeSpan found, TimeSpan bound, string what) => That(
        found <= bound, $"{what} within {bound.TotalMilliseconds:F0} ms", $"{found.TotalMilliseconds:F0} ms");

    /// <summary>An error of this type, or of one derived from it.</summary>
    public static T Throws<T>(Action action, string what)
        where T : Exception
    {
        try
        {
            action();
        }
        catch (Exception error)
        {
            return Is<T>(error, what);
        }

        throw new Mismatch($"{typeof(T).Name} of {what}", "no error");
    }

    /// <inheritdoc cref="Throws{T}"/>
    public static async Task<T> ThrowsAsync<T>(Func<Task> action, string what)
        where T : Exception => Is<T>(await FailureAsync(action).ConfigureAwait(false), what);

    public static T Is<T>(Exception? error, string what)
        where T : Exception => error switch
        {
            T right => right,
            Mismatch mismatch => throw mismatch,
            null => throw new Mismatch($"{typeof(T).Name} of {what}", "no error"),
            _ => throw new Mismatch($"{typeof(T).Name} of {what}", $"{error.GetType().Name}: {error.Message}", error),
        };

    /// <summary>What an action fails with, at once or later; or null.</summary>
    public static async Task<Exception?> FailureAsync(Func<Task> action)
    {
        try
        {
            await action().ConfigureAwait(false);
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }
}
