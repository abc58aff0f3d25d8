namespace Exo.Sdk.Cpu.Tests.Support;

/// <summary>A test of something that only Linux tells.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute() => Skip = OperatingSystem.IsLinux() ? null : "it reads /proc, which only Linux has";
}
