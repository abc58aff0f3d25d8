using Exo.Sdk.Models;
using Exo.Sdk.Planning;
using Exo.Sdk.Testing;
using Exo.Sdk.Testing.Conformance;

namespace Exo.Sdk.Backends.Tests;

public sealed class ShardRulesTests : IDisposable
{
    private readonly TestGroup _group = TestGroup.ConnectAsync(size: 1).GetAwaiter().GetResult();
    private readonly ShardAssignment _whole = ShardSet.Whole(new MemoryModel(new ModelShape()).Spec);

    public static TheoryData<string, ShardOptions> WrongOptions() => new()
    {
        { "ContextLength", new ShardOptions { ContextLength = 0 } },
        { "MaxSequences", new ShardOptions { MaxSequences = -1 } },
        { "MaxBatchTokens", new ShardOptions { MaxBatchTokens = 0 } },
        { "ThreadCount", new ShardOptions { ThreadCount = 0 } },
        { "Activations", new ShardOptions { Activations = (ActivationPrecision)2 } },
        { "KeyValues", new ShardOptions { KeyValues = (KeyValuePrecision)9 } },
    };

    public void Dispose() => _group.Dispose();

    [Theory]
    [MemberData(nameof(WrongOptions))]
    public void Every_option_out_of_its_range_is_refused_by_name(string name, ShardOptions options) =>
        FluentActions.Invoking(() => ShardRules.CheckLoad(_whole, _group.Ranks[0], options)).Should().Throw<ConfigurationException>()
            .WithMessage($"ShardOptions.{name} is *");

    [Fact]
    public void Sound_options_pass_and_another_groups_assignment_does_not()
    {
        ShardRules.CheckLoad(_whole, _group.Ranks[0], new ShardOptions());
        FluentActions.Invoking(() => ShardRules.CheckLoad(_whole with { WorldSize = 2 }, _group.Ranks[0], new ShardOptions())).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void Only_known_ropes_are_accepted()
    {
        FluentActions.Invoking(() => RopeFrequencies.Of(new RopeSpec(1, new OtherScaling()), 8)).Should().Throw<UnsupportedModelException>();
    }

    private sealed record OtherScaling : RopeScaling;
}
