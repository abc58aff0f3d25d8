using System.Globalization;

namespace Exo.Sdk.Testing.Conformance;

/// <summary>An implementation of one of the seams does not keep what the seam promises.</summary>
public sealed class ConformanceException : ExoException
{
    /// <summary>Creates the error.</summary>
    /// <param name="subject">The implementation that was checked, by its name.</param>
    /// <param name="check">The check, as <see cref="ConformanceCheck.Name"/>.</param>
    /// <param name="expected">What the seam promises.</param>
    /// <param name="found">What the implementation did.</param>
    /// <param name="innerException">The implementation's own error, if there was one.</param>
    public ConformanceException(string subject, string check, string expected, string found, Exception? innerException = null)
        : base(string.Create(CultureInfo.InvariantCulture, $"{subject}, '{check}': expected {expected}, found {found}."), innerException)
    {
        Subject = subject;
        Check = check;
        Expected = expected;
        Found = found;
    }

    /// <summary>The implementation that was checked, by its name.</summary>
    public string Subject { get; }

    /// <summary>The check, as <see cref="ConformanceCheck.Name"/>.</summary>
    public string Check { get; }

    /// <summary>What the seam promises.</summary>
    public string Expected { get; }

    /// <summary>What the implementation did.</summary>
    public string Found { get; }
}
