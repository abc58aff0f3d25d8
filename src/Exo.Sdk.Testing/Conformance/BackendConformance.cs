using Exo.Sdk.Testing.Conformance.Backends;

namespace Exo.Sdk.Testing.Conformance;

/// <summary>
/// What <see cref="IComputeBackend"/> and <see cref="IModelShard"/> promise: answers equal to the formulas in double precision for every
/// model that the backend says it supports, a refusal by name for every other one, and the rules of loading and of steps.
/// </summary>
/// <example>
/// <code>
/// await new BackendConformance(new MyBackend()).RunAllAsync(Console.WriteLine);
/// </code>
/// </example>
public sealed class BackendConformance : ConformanceSuite
{
    private readonly BackendUnderTest _backend;

    /// <summary>Makes the checks; nothing runs yet.</summary>
    /// <param name="backend">The backend, usable on this machine.</param>
    /// <param name="options">How exact and how thrifty it says it is; null for the defaults.</param>
    public BackendConformance(IComputeBackend backend, BackendConformanceOptions? options = null)
        : base(Named(backend))
    {
        _backend = new BackendUnderTest(backend, options ?? new BackendConformanceOptions());
        Add("It has a short name, can be used here and runs a plain model", _ => LoadChecks.SaysWhatItIs(_backend));
        foreach (TestModel model in TestModel.All)
        {
            Add($"A model of the kind '{model.Name}' is answered as the formulas say, or refused by name", log => AnswerChecks.FollowsOrRefuses(_backend, model, log));
        }

        foreach (TestDivision division in TestDivision.All)
        {
            Add($"Divided among {division.Name}, a model is answered as the formulas say", log => AnswerChecks.FollowsDivided(_backend, division, log));
        }

        Add("Activations of 8 bits stay within their own tolerance", log => AnswerChecks.StaysWithinIntegerTolerance(_backend, log));
        foreach (int[] chunks in (int[][])[[40], [20, 20], [1, 7, 32], [33, 3, 2, 2]])
        {
            Add($"Prefill in chunks of {string.Join(", ", chunks)} equals the formulas", _ => StepChecks.PrefillsInChunks(_backend, chunks));
        }

        Add("Layers look back no further than their windows, however long the text", log => StepChecks.LooksBackNoFurtherThanAWindow(_backend, log));
        Add("Sequences share a step without mixing", _ => StepChecks.SharesAStep(_backend));
        Add("Logits of every token come in the order of the tokens", _ => StepChecks.GivesLogitsOfEveryToken(_backend));
        Add("A fork goes its own way and leaves its source alone", _ => StepChecks.Forks(_backend));
        Add("A truncated sequence continues from its new end", _ => StepChecks.Truncates(_backend));
        Add("A freed slot is empty when it is opened again", _ => StepChecks.Frees(_backend));
        Add("What a shard does not name among its features is refused", _ => StepChecks.RefusesUnknownFeatures(_backend));
        Add("Wrong steps are refused and change nothing", _ => StepChecks.RefusesWrongSteps(_backend));
        Add("A lost peer reaches the caller as it was, and the step counts for nothing", _ => StepChecks.PassesALossOn(_backend));
        Add("A warm decode step allocates nothing", log => StepChecks.AllocatesNothing(_backend, log));
        Add("A disposed shard refuses to work", _ => LoadChecks.RefusesAfterDispose(_backend));
        Add("Shards load and run at the same time", _ => LoadChecks.LoadsAtTheSameTime(_backend));
        Add("Progress is told by bytes up to the whole shard", _ => LoadChecks.TellsProgress(_backend));
        Add("Loading can be canceled", _ => LoadChecks.CancelsLoading(_backend));
        Add("Parts of a model that it does not know are refused by name", _ => LoadChecks.RefusesUnknownParts(_backend));
        Add("A missing weight is named", _ => LoadChecks.NamesAMissingWeight(_backend));
        Add("A weight of another shape or type is refused with what was expected and found", _ => LoadChecks.RefusesAnotherWeight(_backend));
        Add("An assignment that cannot be is refused", _ => LoadChecks.RefusesWrongAssignments(_backend));
        Add("Options that cannot work are refused", _ => LoadChecks.RefusesWrongOptions(_backend));
    }

    /// <summary>The kinds of model that the backend says it supports, of those that the checks know, by name.</summary>
    public IReadOnlyList<string> Supported => [.. TestModel.All.Where(model => _backend.Supports(model)).Select(static model => model.Name)];

    private static string Named(IComputeBackend backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        return backend.Name;
    }
}
