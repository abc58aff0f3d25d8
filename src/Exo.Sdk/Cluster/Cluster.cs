using System.Runtime.CompilerServices;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Generation;
using Exo.Sdk.Models;
using Exo.Sdk.Nodes;
using Exo.Sdk.Planning;
using Exo.Sdk.Scheduling;
using Exo.Sdk.Tokenization;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk;

/// <summary>A rank of a running cluster.</summary>
/// <param name="Rank">The rank, counted from 0.</param>
/// <param name="Name">Where it lives, for people.</param>
/// <param name="Hosting">How it is hosted.</param>
/// <param name="Memory">What it takes.</param>
public sealed record RankStatus(int Rank, string Name, RankHosting Hosting, RankMemory Memory);

/// <summary>
/// A model running across ranks as if they were one. Made by <see cref="ClusterBuilder"/>. Thread-safe: texts can be generated
/// from many callers at once.
/// </summary>
public sealed class Cluster : IAsyncDisposable
{
    private static readonly TimeSpan LossGrace = TimeSpan.FromSeconds(1);

    private readonly ClusterOptions _options;
    private readonly ChatTemplate? _template;
    private readonly IReadOnlyList<INode> _nodes;
    private readonly RankRuntime _rankZero;
    private readonly EngineLimits _limits;
    private readonly ILogger _logger;
    private readonly ulong _epoch;
    private readonly Engine _engine;
    private readonly IReadOnlyList<int> _endTokens;
    private readonly TaskCompletionSource<Exception> _fault = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<PeerLostException> _loss = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private Task? _disposal;
    private volatile bool _isDisposing;
    private volatile bool _isDisposedByCaller;

    internal Cluster(
        ClusterOptions options,
        ModelSpec model,
        Tokenizer tokenizer,
        ChatTemplate? template,
        ShardPlan plan,
        (string Name, string Reason) transport,
        string backend,
        IReadOnlyList<INode> nodes,
        LoadOrder order,
        RankRuntime rankZero,
        EngineLimits limits,
        ILogger logger)
    {
        _options = options;
        Model = model;
        Tokenizer = tokenizer;
        _template = template;
        Plan = plan;
        (Transport, TransportReason) = transport;
        WirePrecision = options.WirePrecision;
        Backend = backend;
        _nodes = nodes;
        _rankZero = rankZero;
        _limits = limits;
        _logger = logger;
        _epoch = order.Epoch;
        _endTokens = [.. model.EndTokens.Concat(tokenizer.EndTokens).Distinct()];
        _engine = new Engine(rankZero.Shard!, rankZero.Group!, limits, OnEngineFault, _options.Timeline);
        for (int rank = 0; rank < nodes.Count; rank++)
        {
            _ = WatchAsync(rank);
        }
    }

    /// <summary>The model.</summary>
    public ModelSpec Model { get; }

    /// <summary>The model's tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>How the model is divided.</summary>
    public ShardPlan Plan { get; }

    /// <summary>The data plane's transport, by name.</summary>
    public string Transport { get; }

    /// <summary>Why it is that transport, as a phrase; where a quicker one could not be used, also why not.</summary>
    public string TransportReason { get; }

    /// <summary>How the values of an all-reduce travel.</summary>
    public WirePrecision WirePrecision { get; }

    /// <summary>The compute backend, by name.</summary>
    public string Backend { get; }

    /// <summary>The most tokens one text may hold, prompt included.</summary>
    public int ContextLength => _limits.ContextLength;

    /// <summary>Whether the model brings a chat template.</summary>
    public bool HasChatTemplate => _template is not null;

    /// <summary>Completes with the error when the cluster dies, for example with a <see cref="PeerLostException"/>. Never faults.</summary>
    public Task<Exception> Faulted => _fault.Task;

    /// <summary>Generates a text and streams it.</summary>
    /// <param name="prompt">What to start from; a string is one user message.</param>
    /// <param name="options">How to generate; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the generation at any token; the cluster stays usable.</param>
    /// <returns>The tokens as they come. The last one carries the finish reason and the usage. Leaving the loop early ends the generation.</returns>
    /// <exception cref="ConfigurationException">An option cannot work, or the prompt leaves no room in the context.</exception>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="ObjectDisposedException">The cluster is disposed.</exception>
    public async IAsyncEnumerable<GeneratedToken> GenerateAsync(
        Prompt prompt,
        GenerationOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        options ??= new GenerationOptions();
        options.Validate();
        cancellationToken.ThrowIfCancellationRequested();
        int[] tokens = Tokenize(prompt);
        Check(tokens, reserve: 1);
        GenerationRequest request = new(tokens, options, Tokenizer, Model.VocabularySize, ContextLength, _endTokens, _options.TimeProvider);
        await SubmitAsync(request).ConfigureAwait(false);
        try
        {
            while (await WaitForTokenAsync(request, cancellationToken).ConfigureAwait(false))
            {
                while (request.Tokens.TryRead(out GeneratedToken token))
                {
                    yield return token;
                    cancellationToken.ThrowIfCancellationRequested();
                }
            }
        }
        finally
        {
            request.Cancel();
            _engine.Wake();
        }
    }

    /// <summary>Generates a text and returns it whole.</summary>
    /// <param name="prompt">What to start from; a string is one user message.</param>
    /// <param name="options">How to generate; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the generation at any token; the cluster stays usable.</param>
    /// <returns>The text.</returns>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    public async Task<string> GenerateTextAsync(Prompt prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        System.Text.StringBuilder text = new();
        await foreach (GeneratedToken token in GenerateAsync(prompt, options, cancellationToken).ConfigureAwait(false))
        {
            text.Append(token.Text);
        }

        return text.ToString();
    }

    /// <summary>Computes the logits after the last of some tokens.</summary>
    /// <param name="tokens">At least one token.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>One logit for each vocabulary entry.</returns>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    public async Task<float[]> ComputeLogitsAsync(IReadOnlyList<int> tokens, CancellationToken cancellationToken = default)
    {
        int[] prompt = Tokenize(Prompt.Tokens(tokens));
        Check(prompt, reserve: 0);
        LogitsRequest request = new(prompt);
        await SubmitAsync(request).ConfigureAwait(false);
        using CancellationTokenRegistration registration = cancellationToken.Register(() =>
        {
            request.Cancel();
            _engine.Wake();
        });
        try
        {
            return await request.Result.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is ExoException)
        {
            throw await ExplainAsync(error).ConfigureAwait(false);
        }
    }

    /// <summary>The tokens that a prompt becomes, begin token and chat template included.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <returns>The tokens.</returns>
    /// <exception cref="ConfigurationException">The model has no chat template, or a token is outside the vocabulary.</exception>
    public int[] Tokenize(Prompt prompt)
    {
        switch (prompt)
        {
            case Prompt.UserPrompt user when _template is null:
                return Encode(user.Message);
            case Prompt.UserPrompt user:
                return Encode([new ChatMessage("user", user.Message)]);
            case Prompt.ChatPrompt chat:
                return Encode(chat.Messages);
            case Prompt.RawPrompt raw:
                return Encode(raw.Text);
            case Prompt.TokenPrompt given:
                foreach (int id in given.Ids)
                {
                    if (id < 0 || id >= Model.VocabularySize)
                    {
                        throw new ConfigurationException($"Token {id} is outside the vocabulary of {Model.VocabularySize}.");
                    }
                }

                return [.. given.Ids];
            default:
                throw new ArgumentNullException(nameof(prompt));
        }
    }

    /// <summary>Asks every rank what it takes in memory.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The ranks in order.</returns>
    /// <exception cref="NodeException">A node does not answer.</exception>
    public async Task<IReadOnlyList<RankStatus>> GetRankStatusAsync(CancellationToken cancellationToken = default)
    {
        RankMemory[] memory = await Task.WhenAll(_nodes.Select(node => node.GetMemoryAsync(cancellationToken))).ConfigureAwait(false);
        return [.. _nodes.Select((node, rank) => new RankStatus(rank, node.Name, node.Hosting, memory[rank]))];
    }

    /// <summary>Ends generations, ranks and child processes. Nothing of the cluster is left when it returns.</summary>
    /// <returns>A task that ends when all is gone.</returns>
    public async ValueTask DisposeAsync()
    {
        _isDisposedByCaller = true;
        await BeginDisposal().ConfigureAwait(false);
    }

    internal static async Task DisposeAllAsync(IEnumerable<INode> nodes) =>
        await Task.WhenAll(nodes.Select(node => node.DisposeAsync().AsTask())).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private Task BeginDisposal()
    {
        lock (_gate)
        {
            _isDisposing = true;
            return _disposal ??= Task.Run(DisposeOnceAsync);
        }
    }

    private async Task DisposeOnceAsync()
    {
        _engine.Dispose();
        await DisposeAllAsync(_nodes).ConfigureAwait(false);
    }

    private async ValueTask SubmitAsync(SequenceRequest request)
    {
        ObjectDisposedException.ThrowIf(_isDisposedByCaller, this);
        if (_fault.Task.IsCompleted)
        {
            throw await ExplainAsync(await _fault.Task.ConfigureAwait(false)).ConfigureAwait(false);
        }

        _engine.Submit(request);
    }

    private async ValueTask<bool> WaitForTokenAsync(GenerationRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await request.Tokens.WaitToReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is ExoException)
        {
            throw await ExplainAsync(error).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// What the caller gets for an error of the engine. A broken connection tells which peer closed it, the control plane tells
    /// which rank died and why; <see cref="SettleFaultAsync"/> waits a moment for the latter.
    /// </summary>
    private async ValueTask<Exception> ExplainAsync(Exception error) =>
        error is PeerLostException && await _fault.Task.ConfigureAwait(false) is PeerLostException cause
            ? new PeerLostException(cause.LostRank, cause.Reason, error)
            : error;

    private async Task WatchAsync(int rank)
    {
        string reason = await _nodes[rank].Lost.ConfigureAwait(false);
        PeerLostException loss = new(rank, reason);
        if (!_isDisposing && _loss.TrySetResult(loss))
        {
            Log.RankLost(_logger, rank, reason, _epoch);
            foreach (INode node in _nodes)
            {
                node.Abort(rank, reason);
            }

            _engine.Fault(loss);
        }
    }

    /// <summary>Runs on the engine's thread: the epoch is over.</summary>
    private void OnEngineFault(Exception error)
    {
        Log.EngineFaulted(_logger, error);
        _ = SettleFaultAsync(error);
    }

    /// <summary>Finds the cause, tells it, and stops whatever still runs elsewhere, whether or not the caller ever disposes.</summary>
    private async Task SettleFaultAsync(Exception error)
    {
        if (error is PeerLostException)
        {
            await Task.WhenAny(_loss.Task, Task.Delay(LossGrace, _options.TimeProvider)).ConfigureAwait(false);
            error = _loss.Task.IsCompleted ? await _loss.Task.ConfigureAwait(false) : error;
        }

        _fault.TrySetResult(error);

        // Ranks that hang in a step end now, and need not be waited for.
        PeerLostException cause = error as PeerLostException ?? new PeerLostException(0, $"it failed: {error.Message}");
        foreach (INode node in _nodes)
        {
            node.Abort(cause.LostRank, cause.Reason);
        }

        await BeginDisposal().ConfigureAwait(false);
    }

    /// <summary>Plain text begins with the begin token, also where the tokenizer's own rules leave that to the chat template.</summary>
    private int[] Encode(string text)
    {
        int[] ids = Tokenizer.Encode(text);
        int? begin = Tokenizer.BeginToken ?? (ids.Length == 0 ? Model.BeginToken : null);
        return begin is { } token && (ids.Length == 0 || ids[0] != token) ? [token, .. ids] : ids;
    }

    private int[] Encode(IReadOnlyList<ChatMessage> messages) => _template is null
        ? throw new ConfigurationException("The model has no chat template; use Prompt.Raw or Prompt.Tokens.")
        : [.. Tokenizer.Encode(_template.Render(messages, addGenerationPrompt: true), addSpecialTokens: false)];

    private void Check(int[] tokens, int reserve)
    {
        if (tokens.Length == 0)
        {
            throw new ConfigurationException("The prompt has no tokens, and the model has no begin token to start from.");
        }

        if (tokens.Length + reserve > ContextLength)
        {
            throw new ConfigurationException(
                $"The prompt has {tokens.Length} tokens; the context holds {ContextLength} with the answer. Shorten it, or raise the limit with UseContextLength.");
        }
    }
}
