using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Exo.Sdk.Tests.Diagnostics;

/// <summary>Makes meters, and listens to those alone: what other tests measure at the same time stays out.</summary>
internal sealed class Measurements : IMeterFactory
{
    private readonly MeterListener _listener = new();
    private readonly List<Meter> _meters = [];

    public Measurements()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == this)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>Called in place of remembering.</summary>
    public Action<double>? Instead { get; set; }

    private ConcurrentQueue<(string Name, double Value, string? Tag)> Taken { get; } = [];

    /// <summary>The values of an instrument, in order; of all its tags or of one.</summary>
    public double[] Of(string name, string? tag = null) =>
        [.. Taken.Where(taken => taken.Name == name && (tag is null || taken.Tag == tag)).Select(taken => taken.Value)];

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        Meter meter = new(options);
        _meters.Add(meter);
        return meter;
    }

    public void Dispose()
    {
        _listener.Dispose();
        _meters.ForEach(meter => meter.Dispose());
    }

    private void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (Instead is { } instead)
        {
            instead(value);
        }
        else
        {
            Taken.Enqueue((instrument.Name, value, tags.IsEmpty ? null : tags[0].Value?.ToString()));
        }
    }
}
