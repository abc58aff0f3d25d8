using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Exo.Sdk.Diagnostics;

/// <summary>
/// Every instrument of the library: what a cluster counts and times. <c>docs/diagnostics.md</c> lists them. Recording allocates nothing,
/// whether or not anybody listens. Thread-safe.
/// </summary>
internal sealed class ClusterMeter : IDisposable
{
    /// <summary>The meter's name, which listeners ask for.</summary>
    public const string Name = "Exo.Sdk";

    private static readonly KeyValuePair<string, object?> Prompt = new("exo.token.kind", "prompt");
    private static readonly KeyValuePair<string, object?> Generated = new("exo.token.kind", "generated");
    private static readonly KeyValuePair<string, object?> Prefill = new("exo.step.kind", "prefill");
    private static readonly KeyValuePair<string, object?> Decode = new("exo.step.kind", "decode");

    private readonly Meter _meter;
    private readonly bool _isOwn;
    private readonly Counter<long> _tokens;
    private readonly Histogram<double> _steps;
    private readonly UpDownCounter<int> _queued;
    private readonly UpDownCounter<int> _running;
    private readonly Histogram<double> _firstTokens;
    private readonly Histogram<double> _requests;
    private readonly Histogram<double> _loads;
    private readonly Counter<long> _errors;

    /// <param name="factory">Makes the meter, and ends it; null for a meter of this object's own.</param>
    public ClusterMeter(IMeterFactory? factory)
    {
        _isOwn = factory is null;
        MeterOptions options = new(Name) { Version = typeof(ClusterMeter).Assembly.GetName().Version?.ToString(3) };
        _meter = factory is null ? new Meter(options) : factory.Create(options);
        _tokens = _meter.CreateCounter<long>("exo.tokens", "{token}", "Tokens that went through the model.");
        _steps = _meter.CreateHistogram<double>("exo.step.duration", "s", "Time of one step, from scheduling to the last token handed out.");
        _queued = _meter.CreateUpDownCounter<int>("exo.requests.queued", "{request}", "Requests that wait for a place.");
        _running = _meter.CreateUpDownCounter<int>("exo.requests.running", "{request}", "Requests whose sequences run.");
        _firstTokens = _meter.CreateHistogram<double>("exo.request.time_to_first_token", "s", "Time from submission to the first token.");
        _requests = _meter.CreateHistogram<double>("exo.request.duration", "s", "Time from submission to the last token.");
        _loads = _meter.CreateHistogram<double>("exo.load.duration", "s", "Time in which all ranks loaded their shards.");
        _errors = _meter.CreateCounter<long>("exo.errors", "{error}", "Requests, loads and epochs that failed.");
    }

    public void Queued(int change) => _queued.Add(change);

    public void Running(int change) => _running.Add(change);

    /// <summary>A step is done: the tokens it took, and how many sequences got logits from it.</summary>
    public void Stepped(long began, int tokens, int rows)
    {
        if (tokens > 0)
        {
            _steps.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, tokens > rows ? Prefill : Decode);
        }
    }

    public void PromptRead(int tokens) => _tokens.Add(tokens, Prompt);

    public void TokenGenerated() => _tokens.Add(1, Generated);

    public void FirstToken(TimeSpan elapsed) => _firstTokens.Record(elapsed.TotalSeconds);

    public void RequestEnded(TimeSpan elapsed) => _requests.Record(elapsed.TotalSeconds);

    public void Loaded(TimeSpan elapsed) => _loads.Record(elapsed.TotalSeconds);

    public void Failed(Exception error) => _errors.Add(1, new KeyValuePair<string, object?>("error.type", error.GetType().Name));

    public void Dispose()
    {
        if (_isOwn)
        {
            _meter.Dispose();
        }
    }
}
