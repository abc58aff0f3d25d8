using System.Diagnostics;
using System.Runtime.CompilerServices;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Epochs;
using Exo.Sdk.Generation;
using Exo.Sdk.Input;
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
/// A model running across ranks as if they were one. Made by <see cref="ClusterBuilder"/>. Thread-safe: many callers can generate at once.
/// </summary>
public sealed class Cluster : IAsyncDisposable
{
    private const int ShownTensors = 5;

    private readonly OpenModel _model;
    private readonly PromptEncoder _prompts;
    private readonly GenerationTerms _terms;
    private readonly Epoch _epoch;
    private readonly ClusterMeter _meter;
    private volatile bool _isDisposed;

    private Cluster(
        ClusterOptions options, OpenModel model, IComputeBackend backend, Tokenizer tokenizer, ChatTemplate? template, Epoch epoch, ClusterMeter meter)
    {
        _model = model;
        _epoch = epoch;
        _meter = meter;
        _prompts = new PromptEncoder(tokenizer, template, model.Spec);
        _terms = new GenerationTerms(
            tokenizer,
            model.Spec.VocabularySize,
            epoch.Limits.ContextLength,
            [.. model.Spec.EndTokens.Concat(tokenizer.EndTokens).Distinct()],
            options.TimeProvider,
            meter);
        Tokenizer = tokenizer;
        WirePrecision = options.WirePrecision;
        Backend = backend.Name;
    }

    /// <summary>The model.</summary>
    public ModelSpec Model => _model.Spec;

    /// <summary>The model's tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>How the model is divided.</summary>
    public ShardPlan Plan => _epoch.Plan;

    /// <summary>The data plane's transport, by name.</summary>
    public string Transport => _epoch.Transport.Transport.Name;

    /// <summary>Why it is that transport, as a phrase; where a quicker one could not be used, also why not.</summary>
    public string TransportReason => _epoch.Transport.Reason;

    /// <summary>How the values of an all-reduce travel.</summary>
    public WirePrecision WirePrecision { get; }

    /// <summary>The compute backend, by name.</summary>
    public string Backend { get; }

    /// <summary>The most tokens one sequence may hold, prompt included.</summary>
    public int ContextLength => _epoch.Limits.ContextLength;

    /// <summary>Whether the model brings a chat template.</summary>
    public bool HasChatTemplate => _prompts.HasTemplate;

    /// <summary>Completes with the error when the cluster dies, for example with a <see cref="PeerLostException"/>. Never faults.</summary>
    public Task<Exception> Faulted => _epoch.Faulted;

    /// <summary>Generates a text and streams it. Arguments are checked at once; the generation begins when the stream is read.</summary>
    /// <param name="prompt">What to start from; a string is one user message.</param>
    /// <param name="options">How to generate; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the generation at any token; the cluster stays usable.</param>
    /// <returns>The tokens as they come. The last one carries the finish reason and the usage. Leaving the loop early ends the generation.</returns>
    /// <exception cref="ConfigurationException">
    /// An option cannot work, the prompt is empty, leaves no room in the context or has a token outside the vocabulary.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The cluster is disposed.</exception>
    /// <exception cref="PeerLostException">While the stream is read: a rank is lost.</exception>
    /// <exception cref="GenerationException">While the stream is read: this generation failed, and no other.</exception>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        Prompt prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        options ??= new GenerationOptions();
        options.Validate();
        int[] tokens = _prompts.Encode(prompt);
        TokenRules.Check(tokens, Model.VocabularySize, ContextLength, stillToCome: 1);
        return StreamAsync(tokens, options, cancellationToken);
    }

    /// <summary>Generates a text and returns it whole.</summary>
    /// <param name="prompt">What to start from; a string is one user message.</param>
    /// <param name="options">How to generate; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the generation at any token; the cluster stays usable.</param>
    /// <returns>The text.</returns>
    /// <exception cref="ConfigurationException">As with <see cref="GenerateAsync"/>.</exception>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="GenerationException">This generation failed, and no other.</exception>
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
    /// <exception cref="ConfigurationException">There is no token, one is outside the vocabulary, or they do not fit the context.</exception>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    public async Task<float[]> ComputeLogitsAsync(IReadOnlyList<int> tokens, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        LogitsRequest request = new(_prompts.Encode(Prompt.Tokens(tokens)));
        await _epoch.SubmitAsync(request).ConfigureAwait(false);
        using CancellationTokenRegistration registration = cancellationToken.Register(() => _epoch.Cancel(request));
        try
        {
            return await request.Result.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ExoException error)
        {
            throw await _epoch.ExplainAsync(error).ConfigureAwait(false);
        }
    }

    /// <summary>The tokens that a prompt becomes, BOS token and chat template included.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <returns>The tokens.</returns>
    /// <exception cref="ConfigurationException">
    /// The model has no chat template, the conversation is empty, or a token is outside the model's vocabulary.
    /// </exception>
    public int[] Tokenize(Prompt prompt) => _prompts.Encode(prompt);

    /// <summary>Asks every rank what it takes in memory.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The ranks in order.</returns>
    /// <exception cref="NodeException">A node does not answer.</exception>
    public Task<IReadOnlyList<RankStatus>> GetRankStatusAsync(CancellationToken cancellationToken = default) =>
        _epoch.GetStatusAsync(cancellationToken);

    /// <summary>Ends generations, ranks and child processes. Nothing of the cluster is left when it returns.</summary>
    /// <returns>A task that ends when all is gone.</returns>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await _epoch.DisposeAsync().ConfigureAwait(false);
        _model.Dispose();
        _meter.Dispose();
    }

    /// <summary>Reads the model and starts the first epoch.</summary>
    internal static async Task<Cluster> StartAsync(ClusterOptions options, CancellationToken cancellationToken)
    {
        using Activity? activity = Activities.Start(options.ModelFolder!, options.WorldSize);
        ClusterMeter meter = new(options.MeterFactory);
        OpenModel? model = null;
        try
        {
            options.Progress?.Report(new ClusterProgress(ClusterStage.ReadingModel));
            model = await Task.Run(() => OpenModel.Open(options.ModelFolder!, options.OfferedFamilies), cancellationToken).ConfigureAwait(false);
            (Tokenizer tokenizer, ChatTemplate? template) =
                await Task.Run(() => (Tokenizer.Load(model.Folder, model.Spec.VocabularySize), ChatTemplate.Load(model.Folder)), cancellationToken).ConfigureAwait(false);
            IComputeBackend backend = BackendChoice.Make(options, model.Spec);
            ILogger logger = options.LoggerFactory.CreateLogger<Cluster>();
            if (model.UnusedTensors is { Count: > 0 } unused)
            {
                Log.TensorsUnused(logger, unused.Count, model.Folder, string.Join(", ", unused.Take(ShownTensors).Select(HostileText.Quote)));
            }

            Epoch epoch = await EpochStart.RunAsync(options, model, backend, meter, logger, cancellationToken).ConfigureAwait(false);
            return new Cluster(options, model, backend, tokenizer, template, epoch, meter);
        }
        catch (Exception error)
        {
            Activities.Fail(activity, error);
            meter.Failed(error);
            model?.Dispose();
            meter.Dispose();
            throw;
        }
    }

    /// <summary>Reads the model and goes the way of <see cref="StartAsync"/> as far as the plan.</summary>
    internal static async Task<ClusterPreview> PreviewAsync(ClusterOptions options, CancellationToken cancellationToken)
    {
        using OpenModel model = await Task.Run(() => OpenModel.Open(options.ModelFolder!, options.OfferedFamilies), cancellationToken).ConfigureAwait(false);
        using ClusterMeter meter = new(options.MeterFactory);
        IComputeBackend backend = BackendChoice.Make(options, model.Spec);
        return await EpochStart
            .PreviewAsync(options, model, backend, meter, options.LoggerFactory.CreateLogger<Cluster>(), cancellationToken)
            .ConfigureAwait(false);
    }

    private async IAsyncEnumerable<GeneratedToken> StreamAsync(
        int[] tokens, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        using Activity? activity = Activities.Generate(tokens.Length);
        GenerationRequest request = MakeRequest(tokens, options, activity);
        try
        {
            await SubmitAsync(request, activity).ConfigureAwait(false);
            while (await WaitForTokenAsync(request, activity, cancellationToken).ConfigureAwait(false))
            {
                while (request.Stream.TryRead(out GeneratedToken token))
                {
                    if (token is { FinishReason: { } reason, Usage: { } usage })
                    {
                        Activities.End(activity, reason == FinishReason.Stop ? "stop" : "length", usage.GeneratedTokens);
                    }

                    yield return token;
                    cancellationToken.ThrowIfCancellationRequested();
                }
            }
        }
        finally
        {
            _epoch.Cancel(request);
        }
    }

    private GenerationRequest MakeRequest(int[] tokens, GenerationOptions options, Activity? activity)
    {
        try
        {
            return new GenerationRequest(tokens, options, _terms, activity);
        }
        catch (Exception error) when (error is not ExoException)
        {
            throw new GenerationException($"The generation could not begin: {error.Message}", error);
        }
    }

    private async ValueTask SubmitAsync(SequenceRequest request, Activity? activity)
    {
        try
        {
            await _epoch.SubmitAsync(request).ConfigureAwait(false);
        }
        catch (ExoException error)
        {
            Activities.Fail(activity, error);
            throw;
        }
    }

    private async ValueTask<bool> WaitForTokenAsync(GenerationRequest request, Activity? activity, CancellationToken cancellationToken)
    {
        try
        {
            return await request.Stream.WaitToReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ExoException error)
        {
            Activities.Fail(activity, error);
            throw await _epoch.ExplainAsync(error).ConfigureAwait(false);
        }
    }
}
