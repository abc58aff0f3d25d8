using System.Diagnostics;
using System.Threading.Channels;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Scheduling;
using Exo.Sdk.Tokenization;

namespace Exo.Sdk.Generation;

/// <summary>What all generations of a cluster have in common.</summary>
/// <param name="Tokenizer">Decodes.</param>
/// <param name="VocabularySize">Logits that a step gives for a token.</param>
/// <param name="ContextLength">The most tokens of prompt and answer.</param>
/// <param name="EndTokens">The tokens that end an answer.</param>
/// <param name="Time">The clock.</param>
/// <param name="Meter">What is counted and timed.</param>
internal sealed record GenerationTerms(
    Tokenizer Tokenizer, int VocabularySize, int ContextLength, int[] EndTokens, TimeProvider Time, ClusterMeter Meter);

/// <summary>Generates text: samples a token from each step's logits, decodes it and hands it to the caller.</summary>
internal sealed class GenerationRequest : SequenceRequest
{
    private const int ReservedTokens = 512;

    private readonly GenerationTerms _terms;
    private readonly int[] _endTokens;
    private readonly TokenSampler _sampler;
    private readonly TokenDecoder _decoder;
    private readonly StopStringFilter _stops;
    private readonly Activity? _activity;
    private readonly long _submittedAt;
    private readonly Channel<GeneratedToken> _stream =
        Channel.CreateUnbounded<GeneratedToken>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private int _generated;
    private long _admittedAt;
    private long _firstAt;

    /// <param name="prompt">Tokens of the vocabulary, fewer than the context holds.</param>
    /// <param name="options">How to generate, checked.</param>
    /// <param name="terms">What all generations have in common.</param>
    /// <param name="activity">Told of the first token; null where nobody listens.</param>
    public GenerationRequest(ReadOnlySpan<int> prompt, GenerationOptions options, GenerationTerms terms, Activity? activity = null)
        : base(prompt, Math.Min(options.MaxTokens, terms.ContextLength - prompt.Length))
    {
        _terms = terms;
        _endTokens = options.IgnoreEndTokens ? [] : terms.EndTokens;
        _sampler = new TokenSampler(options, terms.VocabularySize);
        _decoder = terms.Tokenizer.CreateDecoder(skipSpecial: true, prompt);
        _stops = new StopStringFilter(options.StopStrings);
        _activity = activity;
        _submittedAt = terms.Time.GetTimestamp();
        Limit = Math.Min(options.MaxTokens, terms.ContextLength - prompt.Length);
        Reserve(Math.Min(Limit, ReservedTokens));
        foreach (int token in prompt)
        {
            _sampler.Observe(token);
        }
    }

    /// <summary>The tokens as they come. Completed at the end, with the error where there is one.</summary>
    public ChannelReader<GeneratedToken> Stream => _stream.Reader;

    /// <summary>The most tokens to generate.</summary>
    private int Limit { get; }

    public override void OnAdmitted() => _admittedAt = _terms.Time.GetTimestamp();

    public override int? OnLogits(Span<float> logits)
    {
        int token = _sampler.Sample(logits);
        _sampler.Observe(token);
        _terms.Meter.TokenGenerated();
        if (_generated++ == 0)
        {
            OnFirstToken();
        }

        if (_endTokens.AsSpan().Contains(token))
        {
            return Finish(token, "", FinishReason.Stop);
        }

        string text = _stops.Append(_decoder.Append(token), out bool stopped);
        if (stopped)
        {
            return Complete(new GeneratedToken(token, text, FinishReason.Stop, Usage()));
        }

        if (_generated >= Limit)
        {
            return Finish(token, text, FinishReason.Length);
        }

        _stream.Writer.TryWrite(new GeneratedToken(token, text));
        return token;
    }

    public override void Fail(Exception error) => _stream.Writer.TryComplete(error);

    // A caller who falls behind for a moment must not make the queue grow while tokens are decoded: it keeps the room it once had.
    private void Reserve(int tokens)
    {
        for (int i = 0; i < tokens; i++)
        {
            _stream.Writer.TryWrite(default);
        }

        while (_stream.Reader.TryRead(out _))
        {
        }
    }

    private void OnFirstToken()
    {
        _firstAt = _terms.Time.GetTimestamp();
        _terms.Meter.PromptRead(PromptLength);
        _terms.Meter.FirstToken(_terms.Time.GetElapsedTime(_submittedAt, _firstAt));
        _activity?.AddEvent(new ActivityEvent(Activities.FirstToken));
    }

    private int? Finish(int token, string text, FinishReason reason)
    {
        string rest = _stops.Append(_decoder.Flush(), out bool stopped);
        if (!stopped)
        {
            rest += _stops.Flush();
        }

        return Complete(new GeneratedToken(token, text + rest, stopped ? FinishReason.Stop : reason, Usage()));
    }

    private int? Complete(GeneratedToken last)
    {
        _terms.Meter.RequestEnded(_terms.Time.GetElapsedTime(_submittedAt));
        _stream.Writer.TryWrite(last);
        _stream.Writer.TryComplete();
        return null;
    }

    private GenerationUsage Usage() => new(
        PromptLength,
        _generated,
        _terms.Time.GetElapsedTime(_admittedAt, _firstAt),
        _terms.Time.GetElapsedTime(_firstAt));
}
