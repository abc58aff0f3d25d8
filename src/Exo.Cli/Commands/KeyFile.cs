using Exo.Sdk;

namespace Exo.Cli.Commands;

/// <summary>A cluster key comes from a file, never from the command line, which other users of the machine can read.</summary>
internal static class KeyFile
{
    private const int MaxLength = 4096;

    public static string Read(string file)
    {
        FileInfo info = new(file);
        if (!info.Exists || info.Length > MaxLength)
        {
            throw new ConfigurationException($"The key file '{file}' does not exist or is longer than {MaxLength} bytes.");
        }

        string key = File.ReadAllText(file).Trim();
        return key.Length >= 16
            ? key
            : throw new ConfigurationException($"The key in '{file}' has {key.Length} characters; use at least 16 random ones.");
    }
}
