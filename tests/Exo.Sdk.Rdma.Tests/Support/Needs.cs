using Exo.Sdk.Rdma.Native;

namespace Exo.Sdk.Rdma.Tests.Support;

/// <summary>What this machine has of what some tests need; each is found out once.</summary>
public static class Needs
{
    private static readonly Lazy<string?> Fake = new(() =>
        ShimLoader.WhyAbsent() ?? (FakeVerbs.Path is null
            ? "the verbs library in memory is not built; run eng/build-native.sh and build again"
            : null));

    private static readonly Lazy<string?> Device = new(() =>
    {
        Availability here = new RdmaTransport().Probe();
        return here.IsAvailable ? null : here.Reason + " (eng/rdma-tests.sh runs these tests in a virtual machine that has devices)";
    });

    /// <summary>Why tests on the fake verbs library cannot run, or null.</summary>
    public static string? WhyNoFake => Fake.Value;

    /// <summary>Why tests on real devices cannot run, or null.</summary>
    public static string? WhyNoDevice => Device.Value;

    /// <summary>Why tests on cables between devices cannot run, or null.</summary>
    /// <param name="cables">How many cables.</param>
    public static string? WhyNoCables(int cables) => WhyNoDevice ?? (
        new RdmaTransport().ListDevices().Count(device => device.Name.StartsWith("rxe", StringComparison.Ordinal) && device.Name.EndsWith('a')) >= cables
            ? null
            : $"there are no {cables} pairs of devices rxe0a and rxe0b, rxe1a and rxe1b …, as eng/rdma-vm.sh --cables makes");
}

/// <summary>A test on the verbs library in memory; skipped, with the reason, where it is not built.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FakeFactAttribute : FactAttribute
{
    public FakeFactAttribute() => Skip = Needs.WhyNoFake;
}

/// <summary>As <see cref="FakeFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FakeTheoryAttribute : TheoryAttribute
{
    public FakeTheoryAttribute() => Skip = Needs.WhyNoFake;
}

/// <summary>A test on a real driver with devices at both ends of cables; skipped, with the reason, where there are none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CableFactAttribute : FactAttribute
{
    public CableFactAttribute(int cables = 1) => Skip = Needs.WhyNoCables(cables);
}

/// <summary>As <see cref="CableFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CableTheoryAttribute : TheoryAttribute
{
    public CableTheoryAttribute(int cables = 1) => Skip = Needs.WhyNoCables(cables);
}
