using System.Threading.Channels;
using Exo.Sdk.Scheduling;
using Exo.Sdk.Tokenization;

namespace Exo.Sdk.Generation;

/// <summary>Generates text: samples a token from each step's logits, decodes it and hands it to the caller.</summary>
internal sealed class GenerationRequest : SequenceRequest
{
    private const int ReservedTokens = 512;

    private readonly GenerationOptions _options;
    private readonly IReadOnlyList<int> _endTokens;
    private readonly TokenSampler _sampler;
    private readonly TokenDecoder _decoder;
    private readonly StopStringFilter _stops;
    private readonly TimeProvider _time;
    private readonly int _limit;
    private readonly Channel<GeneratedToken> _tokens =
        Channel.CreateUnbounded<GeneratedToken>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private int _generated;
    private long _admittedAt;
    private long _firstAt;

    public GenerationRequest(
        int[] prompt,
        GenerationOptions options,
        Tokenizer tokenizer,
        int vocabularySize,
        int contextLength,
        IReadOnlyList<int> endTokens,
        TimeProvider time)
        : base(prompt)
    {
        _options = options;
        _endTokens = endTokens;
        _sampler = new TokenSampler(options, vocabularySize);
        _decoder = tokenizer.CreateDecoder(skipSpecial: true, prompt);
        _stops = new StopStringFilter(options.StopStrings);
        _time = time;
        _limit = Math.Min(options.MaxTokens, contextLength - prompt.Length);
        Reserve(Math.Min(_limit, ReservedTokens));
        foreach (int token in prompt)
        {
            _sampler.Observe(token);
        }
    }

    /// <summary>The tokens as they come. Completed at the end, with the error where there is one.</summary>
    public ChannelReader<GeneratedToken> Tokens => _tokens.Reader;

    public override void OnAdmitted() => _admittedAt = _time.GetTimestamp();

    public override int? OnLogits(Span<float> logits)
    {
        int token = _sampler.Sample(logits);
        _sampler.Observe(token);
        if (_generated++ == 0)
        {
            _firstAt = _time.GetTimestamp();
        }

        if (!_options.IgnoreEndTokens && _endTokens.Contains(token))
        {
            return Finish(token, "", FinishReason.Stop);
        }

        string text = _stops.Append(_decoder.Append(token), out bool stopped);
        if (stopped)
        {
            Complete(new GeneratedToken(token, text, FinishReason.Stop, Usage()));
            return null;
        }

        if (_generated >= _limit)
        {
            return Finish(token, text, FinishReason.Length);
        }

        _tokens.Writer.TryWrite(new GeneratedToken(token, text));
        return token;
    }

    public override void Fail(Exception error) => _tokens.Writer.TryComplete(error);

    // A caller who falls behind for a moment must not make the queue grow while tokens are decoded: it keeps the room it once had.
    private void Reserve(int tokens)
    {
        for (int i = 0; i < tokens; i++)
        {
            _tokens.Writer.TryWrite(default);
        }

        while (_tokens.Reader.TryRead(out _))
        {
        }
    }

    private int? Finish(int token, string text, FinishReason reason)
    {
        string rest = _stops.Append(_decoder.Flush(), out bool stopped);
        if (!stopped)
        {
            rest += _stops.Flush();
        }

        Complete(new GeneratedToken(token, text + rest, stopped ? FinishReason.Stop : reason, Usage()));
        return null;
    }

    private void Complete(GeneratedToken last)
    {
        _tokens.Writer.TryWrite(last);
        _tokens.Writer.TryComplete();
    }

    private GenerationUsage Usage() => new(
        Prompt.Length,
        _generated,
        _time.GetElapsedTime(_admittedAt, _firstAt),
        _time.GetElapsedTime(_firstAt));
}
