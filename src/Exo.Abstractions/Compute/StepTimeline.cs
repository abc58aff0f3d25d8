using System.Diagnostics;

namespace Exo.Sdk;

/// <summary>What a rank does with its time during a step.</summary>
public enum StepPhase
{
    /// <summary>The scheduler packs the step and tells the other ranks.</summary>
    Schedule,

    /// <summary>Tokens are looked up in the table of embeddings.</summary>
    Embed,

    /// <summary>Norms, and inputs brought into the form that the products want.</summary>
    Norm,

    /// <summary>The products for queries, keys and values.</summary>
    QueryKeyValue,

    /// <summary>Rope, the KV cache and attention itself.</summary>
    Attention,

    /// <summary>The product behind attention.</summary>
    AttentionOutput,

    /// <summary>The products for gate and up, and the activation function.</summary>
    GateUp,

    /// <summary>The down-projection.</summary>
    Down,

    /// <summary>The sum over ranks, waiting for them included.</summary>
    AllReduce,

    /// <summary>The product for the logits.</summary>
    Head,

    /// <summary>The ranks' parts of the logits are joined.</summary>
    Gather,

    /// <summary>The next token is chosen and handed out.</summary>
    Sample,
}

/// <summary>A stretch of time in one phase.</summary>
/// <param name="Phase">The phase.</param>
/// <param name="Layer">The layer, or −1 outside them.</param>
/// <param name="Start">When it began, as <see cref="Stopwatch.GetTimestamp"/> counts.</param>
/// <param name="End">When it ended.</param>
public readonly record struct StepSpan(StepPhase Phase, int Layer, long Start, long End)
{
    /// <summary>How long it lasted.</summary>
    public TimeSpan Duration => Stopwatch.GetElapsedTime(Start, End);
}

/// <summary>
/// Records where one rank's time goes. The rank's compute thread writes; reading is allowed while no step is under way. Recording
/// allocates nothing; what does not fit is counted and dropped.
/// </summary>
/// <param name="capacity">The spans that are kept.</param>
public sealed class StepTimeline(int capacity)
{
    private readonly StepSpan[] _spans = new StepSpan[capacity];
    private int _count;

    /// <summary>What was recorded, in order.</summary>
    public ReadOnlySpan<StepSpan> Spans => _spans.AsSpan(0, _count);

    /// <summary>Spans that did not fit.</summary>
    public int Dropped { get; private set; }

    /// <summary>Records a span that ends now.</summary>
    /// <param name="phase">The phase.</param>
    /// <param name="layer">The layer, or −1 outside them.</param>
    /// <param name="start">When it began.</param>
    /// <returns>Now, which is when the next span begins.</returns>
    public long Record(StepPhase phase, int layer, long start)
    {
        long now = Stopwatch.GetTimestamp();
        if (_count < _spans.Length)
        {
            _spans[_count++] = new StepSpan(phase, layer, start, now);
        }
        else
        {
            Dropped++;
        }

        return now;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        _count = 0;
        Dropped = 0;
    }
}
