using System.Reflection;
using Exo.Sdk.Models;
using Exo.Sdk.Nodes;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Tests.Cluster;

/// <summary>Which compute backend a cluster takes among its own and those that packages offer.</summary>
public sealed class BackendChoiceTests
{
    private static readonly ModelSpec Spec = OpenModel.Open(TinyModel.Path).Spec;

    [Theory]
    [InlineData("cpu", "spare:Fallback", "other:Standard")]
    [InlineData("fast", "spare:Fallback", "fast:Accelerated", "other:Standard")]
    [InlineData("first", "first:Accelerated", "second:Accelerated")]
    [InlineData("cpu", "fast:Accelerated:absent")]
    [InlineData("cpu", "fast:Accelerated:refuses")]
    public void The_one_that_stands_highest_of_those_that_can_is_taken(string expected, params string[] offered) =>
        BackendChoice.Make(new ClusterOptions { OfferedBackends = [.. offered.Select(Parse)] }, Spec).Name.Should().Be(expected);

    [Fact]
    public void One_that_is_asked_for_by_name_is_taken_or_says_why_not()
    {
        ClusterOptions options = new() { OfferedBackends = [Parse("spare:Fallback"), Parse("gone:Accelerated:absent")], BackendName = "spare" };

        BackendChoice.Make(options, Spec).Name.Should().Be("spare");

        Action gone = () => BackendChoice.Make(options with { BackendName = "gone" }, Spec);
        gone.Should().Throw<UnavailableException>().Which.Message.Should().Contain("not on this machine");
    }

    [Theory]
    [InlineData("onnxruntime", "dotnet add package Exo.Sdk.OnnxRuntime", "UseOnnxRuntime()")]
    [InlineData("mlx", "dotnet add package Exo.Sdk.Mlx", "UseMlx()")]
    [InlineData("abacus", "there are: cpu.")]
    public async Task Asking_for_one_whose_package_is_missing_says_which_to_add(string name, params string[] advice)
    {
        Func<Task> start = () => new ClusterBuilder().UseModel(TinyModel.Path).UseBackend(name).BuildAsync();

        (await start.Should().ThrowAsync<ConfigurationException>()).Which.Message.Should().ContainAll(advice).And.Contain($"'{name}'");
    }

    [Fact]
    public async Task Two_different_requests_are_refused()
    {
        Func<Task> start = () => new ClusterBuilder().UseModel(TinyModel.Path).UseBackend(Parse("one:Standard")).UseBackend("two").BuildAsync();

        await start.Should().ThrowAsync<ConfigurationException>().WithMessage("*'one'*'two'*");
    }

    [Fact]
    public void Whoever_adds_the_library_does_not_download_ONNX_Runtime()
    {
        HashSet<string> seen = [];
        Queue<AssemblyName> open = new([typeof(ClusterBuilder).Assembly.GetName()]);
        while (open.TryDequeue(out AssemblyName? name))
        {
            if (name.Name!.StartsWith("Exo.", StringComparison.Ordinal) && seen.Add(name.Name))
            {
                Array.ForEach(Assembly.Load(name).GetReferencedAssemblies(), open.Enqueue);
            }
        }

        seen.Should().Contain(["Exo.Sdk", "Exo.Sdk.Cpu"]).And.NotContain("Exo.Sdk.OnnxRuntime");
    }

    private static StubBackend Parse(string description)
    {
        string[] parts = description.Split(':');
        return new StubBackend(parts[0], Enum.Parse<BackendStanding>(parts[1]), parts.ElementAtOrDefault(2));
    }

    private sealed class StubBackend(string name, BackendStanding standing, string? fault) : IComputeBackend
    {
        public string Name => name;

        public BackendStanding Standing => standing;

        public Availability Probe() => fault == "absent" ? Availability.No("not on this machine") : Availability.Yes("here");

        public Availability Supports(ModelSpec spec) => fault == "refuses" ? Availability.No("not this model") : Availability.Yes("all");

        public ValueTask<IModelShard> LoadAsync(
            ModelSpec spec,
            ShardAssignment assignment,
            WeightSource weights,
            ICollective group,
            ShardOptions options,
            IProgress<LoadProgress>? progress = null,
            CancellationToken cancellationToken = default) => throw new InvalidOperationException("Only the choice is tested.");
    }
}
