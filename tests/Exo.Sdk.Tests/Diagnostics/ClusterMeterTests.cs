using System.Diagnostics.Metrics;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Scheduling;
using Exo.Sdk.Tests.Scheduling;
using Microsoft.Extensions.DependencyInjection;

namespace Exo.Sdk.Tests.Diagnostics;

public sealed class ClusterMeterTests
{
    private static readonly GenerationOptions Ten = GenerationOptions.Greedy with { MaxTokens = 10, IgnoreEndTokens = true };

    [Fact]
    public async Task A_cluster_counts_and_times_what_it_does()
    {
        using Measurements measured = new();
        await using (Sdk.Cluster cluster = await new ClusterBuilder().UseModel(TinyModel.Path).UseMaxSequences(2).UseMeterFactory(measured).BuildAsync())
        {
            await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => cluster.GenerateTextAsync("Hello!", Ten)));
            int prompt = cluster.Tokenize("Hello!").Length;
            measured.Of("exo.tokens", "prompt").Should().Equal(Enumerable.Repeat((double)prompt, 5));
            measured.Of("exo.tokens", "generated").Should().HaveCount(50);
            measured.Of("exo.step.duration", "decode").Should().HaveCountGreaterThanOrEqualTo(18).And.OnlyContain(time => time > 0);
            measured.Of("exo.step.duration", "prefill").Should().NotBeEmpty().And.OnlyContain(time => time > 0);
            measured.Of("exo.request.time_to_first_token").Should().HaveCount(5).And.OnlyContain(time => time > 0);
            measured.Of("exo.request.duration").Should().HaveCount(5).And.OnlyContain(time => time > 0);
            measured.Of("exo.load.duration").Should().ContainSingle().Which.Should().BePositive();
        }

        measured.Of("exo.requests.queued").Should().HaveCount(10);
        measured.Of("exo.requests.queued").Sum().Should().Be(0);
        measured.Of("exo.requests.running").Sum().Should().Be(0);
        Sums(measured.Of("exo.requests.running")).Max().Should().BeInRange(1, 2);
        measured.Of("exo.errors").Should().BeEmpty();
    }

    [Fact]
    public async Task A_start_that_fails_is_counted_by_its_kind()
    {
        using Measurements measured = new();
        string folder = Directory.CreateTempSubdirectory("exo-meter-").FullName;
        try
        {
            await FluentActions.Awaiting(() => new ClusterBuilder().UseModel(folder).UseMeterFactory(measured).BuildAsync())
                .Should().ThrowAsync<ModelFormatException>();
            measured.Of("exo.errors", nameof(ModelFormatException)).Should().Equal(1);
        }
        finally
        {
            Directory.Delete(folder);
        }
    }

    [Fact]
    public async Task A_failed_request_is_one_error_and_so_is_the_end_of_the_engine_however_many_it_takes_along()
    {
        using Measurements measured = new();
        using ClusterMeter meter = new(measured);
        EngineLimits limits = new(ContextLength: 64, MaxSequences: 2, MaxBatchTokens: 4, VocabularySize: 50);
        ScriptedShard shard = new(limits);
        TaskCompletionSource<Exception> faulted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using LoneGroup group = new();
        using Engine engine = new(shard, group, limits, faulted.SetResult, meter);
        ProbeRequest broken = new([1], 5) { OnToken = _ => throw new InvalidOperationException("a mistake") };
        engine.Submit(broken);
        await FluentActions.Awaiting(() => broken.Ended).Should().ThrowAsync<GenerationException>();
        measured.Of("exo.errors", nameof(InvalidOperationException)).Should().Equal(1);

        shard.BeforeStep = _ => throw new PeerLostException(1, "it is gone");
        ProbeRequest[] requests = [.. Enumerable.Range(0, 6).Select(i => new ProbeRequest([i], 5))];
        foreach (ProbeRequest request in requests)
        {
            engine.Submit(request);
            await FluentActions.Awaiting(() => request.Ended).Should().ThrowAsync<PeerLostException>();
        }

        await faulted.Task;
        measured.Of("exo.errors", nameof(PeerLostException)).Should().Equal(1);
        measured.Of("exo.requests.queued").Sum().Should().Be(0);
        measured.Of("exo.requests.running").Sum().Should().Be(0);
    }

    [Fact]
    public async Task A_decode_step_allocates_nothing_while_somebody_listens()
    {
        const int Warm = 300;
        const int Measured = 2000;
        using Measurements measured = new();
        double sum = 0;
        measured.Instead = value => sum += value;
        using ClusterMeter meter = new(measured);
        EngineLimits limits = new(ContextLength: 10_000, MaxSequences: 1, MaxBatchTokens: 4, VocabularySize: 50);
        long[] allocated = new long[Warm + Measured + 1];
        ScriptedShard shard = new(limits)
        {
            BeforeStep = done =>
            {
                meter.TokenGenerated();
                if (done < allocated.Length)
                {
                    allocated[done] = GC.GetAllocatedBytesForCurrentThread();
                }
            },
        };
        using LoneGroup group = new();
        using Engine engine = new(shard, group, limits, _ => { }, meter);
        ProbeRequest request = new([1], allocated.Length + 50);
        engine.Submit(request);
        await request.Ended.WaitAsync(TimeSpan.FromSeconds(20));
        sum.Should().BeGreaterThan(Measured, "every token was counted");
        (allocated[^1] - allocated[Warm]).Should().Be(0);
    }

    [Fact]
    public async Task The_services_meter_factory_is_taken()
    {
        using Measurements measured = new();
        ServiceCollection services = new();
        services.AddSingleton<IMeterFactory>(measured);
        services.AddExoCluster(builder => builder.UseModel(TinyModel.Path));
        await using ServiceProvider provider = services.BuildServiceProvider();
        Sdk.Cluster cluster = await provider.GetRequiredService<ClusterProvider>().GetAsync();
        await cluster.GenerateTextAsync("Hello!", Ten);
        measured.Of("exo.tokens", "generated").Should().HaveCount(10);
    }

    private static IEnumerable<double> Sums(IEnumerable<double> values)
    {
        double sum = 0;
        foreach (double value in values)
        {
            yield return sum += value;
        }
    }
}
