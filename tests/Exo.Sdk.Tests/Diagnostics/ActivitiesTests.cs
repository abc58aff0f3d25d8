using System.Collections.Concurrent;
using System.Diagnostics;

namespace Exo.Sdk.Tests.Diagnostics;

public sealed class ActivitiesTests : IDisposable
{
    private static readonly GenerationOptions Ten = GenerationOptions.Greedy with { MaxTokens = 10, IgnoreEndTokens = true };

    private readonly ConcurrentQueue<Activity> _stopped = [];
    private readonly ActivityListener _listener;
    private readonly Activity _root = new("test");

    public ActivitiesTests()
    {
        // Other tests' activities belong to other traces.
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Exo.Sdk",
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.TraceId == _root.TraceId ? ActivitySamplingResult.AllData : ActivitySamplingResult.None,
            ActivityStopped = activity =>
            {
                if (activity.TraceId == _root.TraceId)
                {
                    _stopped.Enqueue(activity);
                }
            },
        };
        _root.SetIdFormat(ActivityIdFormat.W3C);
        _root.Start();
        ActivitySource.AddActivityListener(_listener);
    }

    public void Dispose()
    {
        _listener.Dispose();
        _root.Dispose();
    }

    [Fact]
    public async Task A_start_has_its_plan_and_its_load_inside()
    {
        await using Sdk.Cluster cluster = await new ClusterBuilder().UseModel(TinyModel.Path).UseLocalRanks(2).BuildAsync();
        Activity start = One("exo.cluster.start");
        start.ParentSpanId.Should().Be(_root.SpanId);
        start.GetTagItem("exo.ranks").Should().Be(2);
        start.GetTagItem("exo.model").Should().Be(TinyModel.Path);
        start.Status.Should().Be(ActivityStatusCode.Unset);
        One("exo.cluster.plan").ParentSpanId.Should().Be(start.SpanId);
        Activity load = One("exo.cluster.load");
        load.ParentSpanId.Should().Be(start.SpanId);
        load.GetTagItem("exo.backend").Should().Be("cpu");
        load.GetTagItem("exo.transport").Should().Be("in-process");
    }

    [Fact]
    public async Task A_start_that_fails_says_so()
    {
        await FluentActions.Awaiting(() => new ClusterBuilder().UseModel(TinyModel.Path).UseContextLength(1 << 30).BuildAsync())
            .Should().ThrowAsync<ConfigurationException>();
        Activity start = One("exo.cluster.start");
        start.Status.Should().Be(ActivityStatusCode.Error);
        start.GetTagItem("error.type").Should().Be(nameof(ConfigurationException));
    }

    [Fact]
    public async Task A_generation_marks_its_first_token_and_its_end_and_leaves_the_callers_activity_alone()
    {
        await using Sdk.Cluster cluster = await new ClusterBuilder().UseModel(TinyModel.Path).BuildAsync();
        await foreach (GeneratedToken token in cluster.GenerateAsync("Hello!", Ten))
        {
            Activity.Current.Should().BeSameAs(_root, "what the caller does with token {0} is the caller's", token.Id);
        }

        Activity generation = One("exo.generate");
        generation.ParentSpanId.Should().Be(_root.SpanId);
        generation.GetTagItem("exo.prompt_tokens").Should().Be(cluster.Tokenize("Hello!").Length);
        generation.GetTagItem("exo.generated_tokens").Should().Be(10);
        generation.GetTagItem("exo.finish_reason").Should().Be("length");
        generation.Status.Should().Be(ActivityStatusCode.Ok);
        ActivityEvent first = generation.Events.Should().ContainSingle().Subject;
        first.Name.Should().Be("exo.first_token");
        first.Timestamp.UtcDateTime.Should().BeOnOrAfter(generation.StartTimeUtc).And.BeOnOrBefore(generation.StartTimeUtc + generation.Duration);
    }

    [Fact]
    public async Task A_generation_that_is_left_early_ends_without_a_status()
    {
        await using Sdk.Cluster cluster = await new ClusterBuilder().UseModel(TinyModel.Path).BuildAsync();
        await foreach (GeneratedToken token in cluster.GenerateAsync("Hello!", Ten))
        {
            break;
        }

        One("exo.generate").Status.Should().Be(ActivityStatusCode.Unset);
    }

    private Activity One(string name) => _stopped.Should().ContainSingle(activity => activity.OperationName == name).Subject;
}
