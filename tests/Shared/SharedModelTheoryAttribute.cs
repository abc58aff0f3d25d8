namespace Exo.Sdk.Tests.Shared;

/// <summary>As <see cref="SharedModelFactAttribute"/>, for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedModelTheoryAttribute : TheoryAttribute
{
    /// <param name="name">The model's folder name.</param>
    public SharedModelTheoryAttribute(string name) => Skip = SharedModels.WhyAbsent(name);
}
