namespace Exo.Sdk.Testing.Conformance;

/// <summary>One promise of a seam, as a check.</summary>
/// <param name="Name">A sentence that says what is promised; no two checks of a suite have the same.</param>
/// <param name="MustRunAlone">Whether the check counts what the whole process holds, so that nothing else may run beside it.</param>
public sealed record ConformanceCheck(string Name, bool MustRunAlone = false)
{
    /// <summary>The name.</summary>
    /// <returns><see cref="Name"/>.</returns>
    public override string ToString() => Name;
}

/// <summary>
/// The promises of one seam as checks that any test framework can run: each returns, or throws a <see cref="ConformanceException"/> that
/// says what was expected and what was found. Checks do not depend on each other; those with <see cref="ConformanceCheck.MustRunAlone"/>
/// apart, they may run beside each other.
/// </summary>
/// <example>
/// With xunit:
/// <code>
/// private static readonly TransportConformance Suite = new(new MyTransport());
/// public static TheoryData&lt;string&gt; Checks => [.. Suite.Checks.Select(check => check.Name)];
/// [Theory, MemberData(nameof(Checks))] public Task Conforms(string check) => Suite.RunAsync(check);
/// </code>
/// </example>
public abstract class ConformanceSuite
{
    private readonly Dictionary<string, Func<Action<string>, Task>> _bodies = [];
    private readonly List<ConformanceCheck> _checks = [];

    private protected ConformanceSuite(string subject) => Subject = subject;

    /// <summary>What is checked, by its name.</summary>
    public string Subject { get; }

    /// <summary>All checks, in a good order to run them.</summary>
    public IReadOnlyList<ConformanceCheck> Checks => _checks;

    /// <summary>Runs one check.</summary>
    /// <param name="check">Its <see cref="ConformanceCheck.Name"/>.</param>
    /// <param name="log">Told of figures, for example the error that was seen; may be null.</param>
    /// <returns>A task that ends with the check.</returns>
    /// <exception cref="ConformanceException">The promise is not kept.</exception>
    /// <exception cref="ArgumentException">There is no such check.</exception>
    public async Task RunAsync(string check, Action<string>? log = null)
    {
        if (!_bodies.TryGetValue(check, out Func<Action<string>, Task>? body))
        {
            throw new ArgumentException($"There is no check '{check}'.", nameof(check));
        }

        try
        {
            // On another thread: a check may wait for the ranks' threads.
            await Task.Run(() => body(log ?? (static _ => { }))).ConfigureAwait(false);
        }
        catch (Mismatch mismatch)
        {
            throw new ConformanceException(Subject, check, mismatch.Expected, mismatch.Found, mismatch.InnerException);
        }
        catch (Exception error)
        {
            throw new ConformanceException(Subject, check, "no error", $"{error.GetType().Name}: {error.Message}", error);
        }
    }

    /// <summary>Runs all checks, one after the other.</summary>
    /// <param name="log">Told of each check and of its figures; may be null.</param>
    /// <returns>A task that ends with the last check.</returns>
    /// <exception cref="ConformanceException">The first promise that is not kept.</exception>
    public async Task RunAllAsync(Action<string>? log = null)
    {
        foreach (ConformanceCheck check in _checks)
        {
            log?.Invoke($"{Subject}: {check.Name}");
            await RunAsync(check.Name, log).ConfigureAwait(false);
        }
    }

    private protected void Add(string name, Func<Action<string>, Task> body, bool mustRunAlone = false)
    {
        _checks.Add(new ConformanceCheck(name, mustRunAlone));
        _bodies.Add(name, body);
    }

    private protected void Add(string name, Action<Action<string>> body, bool mustRunAlone = false) => Add(
        name,
        log =>
        {
            body(log);
            return Task.CompletedTask;
        },
        mustRunAlone);
}
