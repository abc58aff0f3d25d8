namespace Exo.Sdk.Tests.Golden;

/// <summary>Ways of dividing a model that the tests try: 2, 3 and 4 ranks, equal and uneven.</summary>
internal static class Division
{
    public static readonly string[] Tried = ["1:1", "3:1", "1:1:1", "1:2:1", "1:1:1:1", "4:1:2:1"];

    public static double[] Shares(string division) =>
        [.. division.Split(':').Select(static share => double.Parse(share, System.Globalization.CultureInfo.InvariantCulture))];
}
