using System.Diagnostics;
using System.Text.Json;

namespace Exo.Sdk.Diagnostics;

/// <summary>
/// Writes a timeline as a trace of the form that browsers' trace viewers open (<c>chrome://tracing</c>, ui.perfetto.dev): JSON with an
/// array <c>traceEvents</c> of complete events, times in microseconds.
/// </summary>
public static class StepTrace
{
    /// <summary>Writes the steps of a timeline: one bar for each step, and below it one for each span, with its layer.</summary>
    /// <param name="destination">Where to write; it stays open.</param>
    /// <param name="spans">What a <see cref="StepTimeline"/> has recorded, in order.</param>
    /// <param name="title">What the viewer calls the row of bars, for example <c>rank 0</c>.</param>
    public static void Write(Stream destination, ReadOnlySpan<StepSpan> spans, string title)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(title);
        using Utf8JsonWriter writer = new(destination);
        writer.WriteStartObject();
        writer.WriteString("displayTimeUnit", "ns");
        writer.WriteStartArray("traceEvents");
        WriteName(writer, "process_name", "Exo SDK");
        WriteName(writer, "thread_name", title);
        long origin = spans.IsEmpty ? 0 : spans[0].Start;
        int number = 0;
        while (StepSpans.TryTake(ref spans, out ReadOnlySpan<StepSpan> step))
        {
            WriteBar(writer, $"step {number++}", origin, step[0].Start, step[^1].End, layer: -1);
            foreach (ref readonly StepSpan span in step)
            {
                WriteBar(writer, StepProfile.Name(span.Phase), origin, span.Start, span.End, span.Layer);
            }
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteName(Utf8JsonWriter writer, string what, string name)
    {
        writer.WriteStartObject();
        writer.WriteString("ph", "M");
        writer.WriteString("name", what);
        writer.WriteNumber("pid", 0);
        writer.WriteNumber("tid", 0);
        writer.WriteStartObject("args");
        writer.WriteString("name", name);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteBar(Utf8JsonWriter writer, string name, long origin, long start, long end, int layer)
    {
        writer.WriteStartObject();
        writer.WriteString("ph", "X");
        writer.WriteString("name", name);
        writer.WriteNumber("pid", 0);
        writer.WriteNumber("tid", 0);
        writer.WriteNumber("ts", Stopwatch.GetElapsedTime(origin, start).TotalMicroseconds);
        writer.WriteNumber("dur", Stopwatch.GetElapsedTime(start, end).TotalMicroseconds);
        if (layer >= 0)
        {
            writer.WriteStartObject("args");
            writer.WriteNumber("layer", layer);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }
}
