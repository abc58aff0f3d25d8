using System.Globalization;

namespace Exo.Sdk.Tokenization.Files;

/// <summary>Reads whole files that must not be larger than a bound.</summary>
internal static class BoundedFile
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelFormatException">The file is larger than <paramref name="limit"/> or cannot be read.</exception>
    public static byte[] ReadAll(string file, long limit)
    {
        try
        {
            using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            long length = stream.Length;
            if (length > limit)
            {
                throw new ModelFormatException(
                    file,
                    "the file is too large",
                    string.Create(CultureInfo.InvariantCulture, $"at most {limit} bytes"),
                    string.Create(CultureInfo.InvariantCulture, $"{length} bytes"));
            }

            byte[] bytes = new byte[length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException(file, "the file cannot be read", "a readable file", e.Message, innerException: e);
        }
    }
}
