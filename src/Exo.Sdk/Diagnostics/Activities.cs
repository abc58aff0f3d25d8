using System.Diagnostics;

namespace Exo.Sdk.Diagnostics;

/// <summary>Every activity of the library, for traces. <c>docs/diagnostics.md</c> lists them. Each is null where nobody listens.</summary>
internal static class Activities
{
    /// <summary>The source's name, which listeners ask for.</summary>
    public const string SourceName = "Exo.Sdk";

    /// <summary>The event of a generation's first token.</summary>
    public const string FirstToken = "exo.first_token";

    private static readonly ActivitySource Source = new(SourceName, typeof(Activities).Assembly.GetName().Version?.ToString(3));

    /// <summary>A cluster starts.</summary>
    public static Activity? Start(string model, int ranks) => Source.StartActivity("exo.cluster.start")
        ?.SetTag("exo.model", model)
        .SetTag("exo.ranks", ranks);

    /// <summary>The model is divided, as part of a start.</summary>
    public static Activity? Plan() => Source.StartActivity("exo.cluster.plan");

    /// <summary>The ranks load, as part of a start.</summary>
    public static Activity? Load(string backend, string transport) => Source.StartActivity("exo.cluster.load")
        ?.SetTag("exo.backend", backend)
        .SetTag("exo.transport", transport);

    /// <summary>A text is generated.</summary>
    public static Activity? Generate(int promptTokens) => Source.StartActivity("exo.generate")
        ?.SetTag("exo.prompt_tokens", promptTokens);

    /// <summary>Notes how a generation ended.</summary>
    public static void End(Activity? activity, string reason, int generatedTokens) => activity
        ?.SetTag("exo.generated_tokens", generatedTokens)
        .SetTag("exo.finish_reason", reason)
        .SetStatus(ActivityStatusCode.Ok);

    /// <summary>Notes that an activity failed.</summary>
    public static void Fail(Activity? activity, Exception error) => activity
        ?.SetTag("error.type", error.GetType().Name)
        .SetStatus(ActivityStatusCode.Error, error.Message);
}
