using Exo.Sdk;
using Exo.Sdk.Transport.Sealing;

namespace Exo.Cli.Commands;

/// <summary>A cluster key comes from a file, never from the command line, which other users of the machine can read.</summary>
internal static class KeyFile
{
    private const int MaxBytes = ClusterKey.MaxLength;

    public static string Read(string file)
    {
        FileInfo info = new(file);
        if (!info.Exists || info.Length > MaxBytes)
        {
            throw new ConfigurationException($"The key file '{file}' does not exist or is longer than {MaxBytes} bytes.");
        }

        string key = File.ReadAllText(file).Trim();
        ClusterKey.Require(key, $"'{file}'");
        return key;
    }
}
