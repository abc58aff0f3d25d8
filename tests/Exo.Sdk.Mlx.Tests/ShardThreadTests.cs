namespace Exo.Sdk.Mlx.Tests;

public sealed class ShardThreadTests
{
    [Fact]
    public void Work_runs_on_one_and_the_same_thread()
    {
        ShardThread thread = ShardThread.Rent();
        List<int> threads = [];
        for (int i = 0; i < 5; i++)
        {
            thread.Run(() => threads.Add(Environment.CurrentManagedThreadId));
        }

        threads.Distinct().Should().ContainSingle().Which.Should().NotBe(Environment.CurrentManagedThreadId);
        ShardThread.Return(thread);
    }

    [Fact]
    public void An_exception_comes_out_at_the_caller_and_the_thread_goes_on()
    {
        ShardThread thread = ShardThread.Rent();
        thread.Invoking(t => t.Run(() => throw new BackendException("broken"))).Should().Throw<BackendException>().WithMessage("broken");
        bool hasRun = false;
        thread.Run(() => hasRun = true);
        hasRun.Should().BeTrue();
        ShardThread.Return(thread);
    }

    [Fact]
    public void Work_that_takes_too_long_is_left_behind_and_can_be_waited_for()
    {
        ShardThread thread = ShardThread.Rent();
        using ManualResetEventSlim gate = new();

        thread.TryRun(() => gate.Wait(), TimeSpan.FromMilliseconds(20)).Should().BeFalse();

        gate.Set();
        thread.Wait();
        ShardThread.Return(thread);
    }
}
