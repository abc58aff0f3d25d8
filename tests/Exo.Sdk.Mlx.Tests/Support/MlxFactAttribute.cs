namespace Exo.Sdk.Mlx.Tests.Support;

/// <summary>A test on the real MLX. Where there is no libmlxc it is skipped and says which places were tried.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MlxFactAttribute : FactAttribute
{
    public MlxFactAttribute() => Skip = RealMlx.WhyAbsent;
}

/// <summary>As <see cref="MlxFactAttribute"/>, for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MlxTheoryAttribute : TheoryAttribute
{
    public MlxTheoryAttribute() => Skip = RealMlx.WhyAbsent;
}

internal static class RealMlx
{
    private static readonly Availability Found = new MlxBackend().Probe();

    public static string? WhyAbsent => Found.IsAvailable ? null : Found.Reason;
}
