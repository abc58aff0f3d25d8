using System.Globalization;

namespace Exo.Sdk.Planning;

/// <summary>Sizes in bytes as text for people.</summary>
internal static class ByteSize
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>Writes a size with its binary unit, three digits or a little more.</summary>
    /// <param name="bytes">The size.</param>
    /// <returns>For example <c>512 B</c>, <c>1.50 KiB</c>, <c>584 MiB</c>, <c>12.3 GiB</c>.</returns>
    public static string Format(long bytes)
    {
        double value = bytes;
        int unit = 0;
        while (Math.Abs(value) >= 1000 && unit < Units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        string digits = unit == 0 || Math.Abs(value) >= 100 ? "F0" : Math.Abs(value) >= 10 ? "F1" : "F2";
        return value.ToString(digits, CultureInfo.InvariantCulture) + " " + Units[unit];
    }
}
