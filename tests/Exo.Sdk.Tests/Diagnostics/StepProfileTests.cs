using System.Diagnostics;
using System.Text.Json;
using Exo.Sdk.Diagnostics;

namespace Exo.Sdk.Tests.Diagnostics;

/// <summary>Timelines divided into steps, summed up and written as traces.</summary>
public sealed class StepProfileTests
{
    private static readonly long Microsecond = Stopwatch.Frequency / 1_000_000;

    [Fact]
    public void A_step_is_summed_by_phase_and_what_no_span_covers_is_told()
    {
        StepSpan[] spans = Step(0, gateUp: 10);
        StepProfile profile = StepProfile.Split(spans).Should().ContainSingle().Subject;
        profile.Microseconds.Should().BeApproximately(40, 0.01);
        profile.Phases.Select(phase => (phase.Phase, Math.Round(phase.Microseconds), phase.Calls)).Should().Equal(
            (StepPhase.Schedule, 5, 1), (StepPhase.GateUp, 20, 2), (StepPhase.Sample, 5, 1));
        profile.Phases[1].MicrosecondsPerCall.Should().BeApproximately(10, 0.01);
        profile.UnattributedMicroseconds.Should().BeApproximately(10, 0.01);
        profile.ToString().Should().Contain("gate, up").And.Contain("50.0 %");
    }

    [Fact]
    public void Steps_that_compute_nothing_and_halves_of_steps_are_left_out()
    {
        StepSpan[] freeing = [Span(StepPhase.Schedule, -1, 100, 105), Span(StepPhase.Sample, -1, 105, 106)];
        StepSpan[] late = Step(0, gateUp: 10)[1..];
        StepProfile.Split([.. late, .. Step(200, gateUp: 10), .. freeing, .. Step(300, gateUp: 20), .. Step(400, gateUp: 30)[..3]])
            .Select(step => Math.Round(step.Microseconds)).Should().Equal(40, 60);
        StepProfile.Split([]).Should().BeEmpty();
    }

    [Fact]
    public void The_median_is_taken_of_each_number()
    {
        StepProfile median = StepProfile.Median(StepProfile.Split([.. Step(0, 10), .. Step(1000, 500), .. Step(2000, 20)]));
        median.Microseconds.Should().BeApproximately(60, 0.01);
        median.Phases.Single(phase => phase.Phase == StepPhase.GateUp).Microseconds.Should().BeApproximately(40, 0.01);
        median.UnattributedMicroseconds.Should().BeApproximately(10, 0.01);
        FluentActions.Invoking(() => StepProfile.Median([])).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void A_trace_has_a_bar_for_each_step_and_each_span_inside_it()
    {
        using MemoryStream stream = new();
        StepTrace.Write(stream, [.. Step(50, 10), .. Step(500, 20)], "rank \"0\"");
        using JsonDocument document = JsonDocument.Parse(stream.ToArray());
        JsonElement[] events = [.. document.RootElement.GetProperty("traceEvents").EnumerateArray()];
        events.Where(item => item.GetProperty("ph").GetString() == "M").Select(item => item.GetProperty("args").GetProperty("name").GetString())
            .Should().Contain("rank \"0\"");
        JsonElement[] bars = [.. events.Where(item => item.GetProperty("ph").GetString() == "X")];
        bars.Should().HaveCount(2 * 5);
        bars[0].GetProperty("name").GetString().Should().Be("step 0");
        bars[0].GetProperty("ts").GetDouble().Should().Be(0);
        bars[5].GetProperty("name").GetString().Should().Be("step 1");
        bars[5].GetProperty("ts").GetDouble().Should().BeApproximately(450, 0.01);
        bars[7].GetProperty("args").GetProperty("layer").GetInt32().Should().Be(0);
        foreach (JsonElement bar in bars[6..])
        {
            double start = bar.GetProperty("ts").GetDouble();
            start.Should().BeGreaterThanOrEqualTo(450);
            (start + bar.GetProperty("dur").GetDouble()).Should().BeLessThanOrEqualTo(450 + bars[5].GetProperty("dur").GetDouble() + 1e-6);
        }
    }

    // 5 for the scheduler, a gap of 5, two layers' gate and up, a gap of 5, 5 for sampling.
    private static StepSpan[] Step(long start, long gateUp) =>
    [
        Span(StepPhase.Schedule, -1, start, start + 5),
        Span(StepPhase.GateUp, 0, start + 10, start + 10 + gateUp),
        Span(StepPhase.GateUp, 1, start + 10 + gateUp, start + 10 + (2 * gateUp)),
        Span(StepPhase.Sample, -1, start + 15 + (2 * gateUp), start + 20 + (2 * gateUp)),
    ];

    private static StepSpan Span(StepPhase phase, int layer, long start, long end) => new(phase, layer, start * Microsecond, end * Microsecond);
}
