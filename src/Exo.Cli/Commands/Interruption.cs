using System.Runtime.InteropServices;

namespace Exo.Cli.Commands;

/// <summary>
/// Ctrl-C (SIGINT) and SIGTERM. The first ends the work in good order, for which it has two seconds; a second one ends the process at once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private static readonly TimeSpan LastResort = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _source;
    private readonly TaskCompletionSource _overdue = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;
    private int _exitCode;

    public Interruption(CancellationToken cancellationToken)
    {
        _source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Interrupt(context, 130)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Interrupt(context, 143)),
        ];
    }

    /// <summary>Ends with the first signal.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>128 and the first signal's number, as shells have it; 0 before.</summary>
    public int ExitCode => Volatile.Read(ref _exitCode);

    /// <summary>Ends when the work has had its time after a signal.</summary>
    public Task Overdue => _overdue.Task;

    public void Dispose()
    {
        Array.ForEach(_registrations, static registration => registration.Dispose());
        _source.Dispose();
    }

    private void Interrupt(PosixSignalContext context, int exitCode)
    {
        if (Interlocked.CompareExchange(ref _exitCode, exitCode, 0) != 0)
        {
            return;
        }

        context.Cancel = true;
        _ = Task.Delay(LastResort).ContinueWith(_ => _overdue.TrySetResult(), TaskScheduler.Default);
        _source.Cancel();
    }
}
