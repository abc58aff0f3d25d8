using Exo.Sdk.Cpu.Threading;

namespace Exo.Sdk.Cpu.Tests.Threading;

public sealed class ThreadTeamTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void Every_worker_runs_every_stage_once(int threads)
    {
        using ThreadTeam team = new(threads, null);
        Counter work = new(threads);
        for (int stage = 0; stage < 2000; stage++)
        {
            team.Run(work, stage);
            work.Sum.Should().Be((stage + 1) * threads, "Run returns when all have done their share");
        }

        work.Counts.Should().OnlyContain(count => count == 2000);
        work.WrongStages.Should().Be(0);
        work.Threads.Distinct().Should().HaveCount(threads);
        work.Threads[0].Should().Be(Environment.CurrentManagedThreadId, "the caller is worker 0");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void An_error_of_any_worker_reaches_the_caller_and_the_team_goes_on(int failing)
    {
        using ThreadTeam team = new(3, null);
        InvalidOperationException error = new("worker");
        int done = 0;
        team.Invoking(t => t.Run(new Work((_, worker, _) =>
        {
            if (worker == failing)
            {
                throw error;
            }

            Interlocked.Increment(ref done);
        }), 0)).Should().Throw<InvalidOperationException>().Which.Should().BeSameAs(error);
        done.Should().Be(2, "the others finish the stage before the error is thrown");
        RunOnce(team);
    }

    [Fact]
    public void When_all_workers_fail_one_error_is_thrown_once()
    {
        using ThreadTeam team = new(3, null);
        Work failing = new((_, worker, _) => throw new InvalidOperationException($"worker {worker}"));
        team.Invoking(t => t.Run(failing, 0)).Should().Throw<InvalidOperationException>();
        RunOnce(team);
    }

    [Fact]
    public void Sleeping_workers_wake_for_work()
    {
        using ThreadTeam team = new(3, null);
        for (int i = 0; i < 20; i++)
        {
            WaitUntilAsleep(team);
            RunOnce(team);
        }
    }

    [Fact]
    public void A_team_is_disposed_awake_or_asleep()
    {
        for (int i = 0; i < 50; i++)
        {
            ThreadTeam awake = new(3, null);
            RunOnce(awake);
            DisposeInTime(awake);
        }

        ThreadTeam asleep = new(3, null);
        WaitUntilAsleep(asleep);
        DisposeInTime(asleep);
    }

    [Fact]
    public void Threads_may_be_bound_to_processors()
    {
        using ThreadTeam team = new(3, [0, Environment.ProcessorCount - 1]);
        Thread caller = new(() => RunOnce(team)) { IsBackground = true };
        caller.Start();
        caller.Join(Deadline).Should().BeTrue();
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(1, 3)]
    [InlineData(7, 3)]
    [InlineData(int.MaxValue, 5)]
    public void Shares_cover_all_items_once_and_are_equal(int count, int workers)
    {
        int next = 0;
        for (int worker = 0; worker < workers; worker++)
        {
            (int first, int end) = Share.Of(count, worker, workers);
            first.Should().Be(next);
            (end - first).Should().BeInRange(count / workers, (count / workers) + 1);
            next = end;
        }

        next.Should().Be(count);
    }

    private static void RunOnce(ThreadTeam team)
    {
        Counter work = new(team.Count);
        team.Run(work, 0);
        work.Counts.Should().OnlyContain(count => count == 1);
    }

    private static void DisposeInTime(ThreadTeam team)
    {
        Thread thread = new(team.Dispose) { IsBackground = true };
        thread.Start();
        thread.Join(Deadline).Should().BeTrue();
    }

    // The state of its threads says whether a team sleeps: the workers of this one are found through a stage.
    private static void WaitUntilAsleep(ThreadTeam team)
    {
        Thread[] threads = new Thread[team.Count];
        team.Run(new Work((_, worker, _) => threads[worker] = Thread.CurrentThread), 0);
        SpinWait.SpinUntil(() => threads[1..].All(thread => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin)), Deadline).Should().BeTrue();
    }

    private sealed class Work(Action<int, int, int> action) : ITeamWork
    {
        public void Run(int stage, int worker, int workers) => action(stage, worker, workers);
    }

    private sealed class Counter(int workers) : ITeamWork
    {
        private int _sum;
        private int _wrongStages;

        public int[] Counts { get; } = new int[workers];

        public int[] Threads { get; } = new int[workers];

        public int Sum => Volatile.Read(ref _sum);

        public int WrongStages => _wrongStages;

        public void Run(int stage, int worker, int count)
        {
            if (stage != Counts[worker] || count != workers)
            {
                Interlocked.Increment(ref _wrongStages);
            }

            Counts[worker]++;
            Threads[worker] = Environment.CurrentManagedThreadId;
            Interlocked.Increment(ref _sum);
        }
    }
}
