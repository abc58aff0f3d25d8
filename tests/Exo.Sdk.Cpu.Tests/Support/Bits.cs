namespace Exo.Sdk.Cpu.Tests.Support;

/// <summary>A stream of bits, lowest bits of a byte first.</summary>
internal static class Bits
{
    /// <summary>Reads bit by bit.</summary>
    public static int Value(byte[] stream, int first, int count)
    {
        int value = 0;
        for (int i = 0; i < count; i++)
        {
            value |= ((stream[(first + i) / 8] >> ((first + i) % 8)) & 1) << i;
        }

        return value;
    }
}
