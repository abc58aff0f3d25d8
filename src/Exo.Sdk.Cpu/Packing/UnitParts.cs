namespace Exo.Sdk.Cpu.Packing;

/// <summary>Eight values of a unit, as a type, so that their places are constants to the compiler.</summary>
internal interface IUnitPart
{
    static abstract int First { get; }
}

/// <summary>Values 0 to 7.</summary>
internal readonly struct Part0 : IUnitPart
{
    public static int First => 0;
}

/// <summary>Values 8 to 15.</summary>
internal readonly struct Part1 : IUnitPart
{
    public static int First => 8;
}

/// <summary>Values 16 to 23.</summary>
internal readonly struct Part2 : IUnitPart
{
    public static int First => 16;
}

/// <summary>Values 24 to 31.</summary>
internal readonly struct Part3 : IUnitPart
{
    public static int First => 24;
}
