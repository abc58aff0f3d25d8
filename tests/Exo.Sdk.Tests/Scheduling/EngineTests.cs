using System.Diagnostics;
using CsCheck;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Scheduling;
using Xunit.Abstractions;

namespace Exo.Sdk.Tests.Scheduling;

/// <summary>The scheduler over a shard whose every token depends on all tokens before it.</summary>
public sealed class EngineTests(ITestOutputHelper output)
{
    private const int Vocabulary = 50;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private static readonly Gen<Load> Loads =
        from sequences in Gen.Int[1, 5]
        from batch in Gen.Int[sequences, sequences + 12]
        from wanted in Gen.Select(Gen.Int[0, Vocabulary - 1].Array[1, 40], Gen.Int[1, 24], Gen.Enum<Leaving>(), Gen.Int[0, 24])
            .Select(static (prompt, count, leaving, after) => new Wanted(prompt, count, leaving, after))
            .Array[1, 24]
        select new Load(new EngineLimits(ContextLength: 64, sequences, batch, Vocabulary), wanted);

    /// <summary>How a caller leaves a sequence before its end.</summary>
    private enum Leaving
    {
        Never,
        NeverEither,
        BeforeSubmission,
        DuringStep,
        FromElsewhere,
    }

    [Fact]
    public void Every_request_gets_the_tokens_it_would_get_alone_and_every_slot_is_freed() => Loads.Sample(
        static load =>
        {
            using Bench bench = new(load.Limits);
            ProbeRequest[] requests = [.. load.Sequences.Select(wanted => Make(wanted, bench.Engine))];

            // Half of them come while the first half runs.
            int half = requests.Length / 2;
            Task late = Task.Run(() => SubmitAll(bench.Engine, requests[half..]));
            SubmitAll(bench.Engine, requests[..half]);
            Wait([late, .. requests.Select(request => request.Ended)]);
            bench.Shard.WaitUntilAllAreFree(Timeout);
            bench.Engine.Dispose();

            bench.Fault.Should().BeNull();
            bench.Shard.Allocations.Should().BeLessThanOrEqualTo(load.Sequences.Count(wanted => wanted.Leaving != Leaving.BeforeSubmission));
            for (int i = 0; i < requests.Length; i++)
            {
                Wanted wanted = load.Sequences[i];
                int[] alone = ScriptedShard.Continue(wanted.Prompt, wanted.Count, Vocabulary);
                int[] taken = requests[i].Taken;
                taken.Should().Equal(alone[..taken.Length]);
                (int least, int most) = wanted.Expected();
                taken.Length.Should().BeInRange(least, most, "of {0}", wanted);
            }
        },
        iter: 300);

    [Fact]
    public void A_long_prompt_holds_up_nobody_who_reads_along()
    {
        using Bench bench = new(new EngineLimits(ContextLength: 4000, MaxSequences: 3, MaxBatchTokens: 8, Vocabulary));
        List<SequenceStep[]> steps = [];
        bench.Shard.OnStep = steps.Add;
        ProbeRequest longPrompt = new(new int[1000], 1);
        ProbeRequest[] readers = [new([1], 400), new([2], 400)];

        // Each submits the next one from the engine's thread, so that the long prompt comes while both others are in their sequences.
        readers[0].OnToken = taken =>
        {
            if (taken == 1)
            {
                bench.Engine.Submit(readers[1]);
            }
        };
        readers[1].OnToken = taken =>
        {
            if (taken == 5)
            {
                bench.Engine.Submit(longPrompt);
            }
        };
        bench.Engine.Submit(readers[0]);
        Wait([longPrompt.Ended, .. readers.Select(reader => reader.Ended)]);

        SequenceStep[][] shared = [.. steps.Where(step => step.Length == 3)];
        shared.Should().HaveCount((1000 + 5) / 6, "two of eight tokens of a step belong to those who read along");
        shared.Should().OnlyContain(step => step.Count(part => part.Count == 1 && part.Logits == StepLogits.Last) >= 2);
        bench.Fault.Should().BeNull();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public async Task A_shard_that_fails_fails_open_queued_and_later_requests_with_its_error(int step)
    {
        using Bench bench = new(new EngineLimits(ContextLength: 64, MaxSequences: 2, MaxBatchTokens: 4, Vocabulary));
        BackendException error = new("the shard is broken");
        bench.Shard.BeforeStep = done =>
        {
            if (done == step)
            {
                throw error;
            }
        };
        ProbeRequest[] requests = [.. Enumerable.Range(0, 6).Select(i => new ProbeRequest([i], 40))];
        SubmitAll(bench.Engine, requests);
        foreach (ProbeRequest request in requests)
        {
            await FailsWithAsync(request, error);
        }

        (await bench.Faulted.WaitAsync(Timeout)).Should().BeSameAs(error);
        ProbeRequest late = new([1], 1);
        bench.Engine.Submit(late);
        late.Ended.IsFaulted.Should().BeTrue("a dead engine answers at once");
        await FailsWithAsync(late, error);
    }

    [Fact]
    public async Task A_request_that_fails_on_its_own_logits_fails_alone()
    {
        using Bench bench = new(new EngineLimits(ContextLength: 64, MaxSequences: 3, MaxBatchTokens: 8, Vocabulary));
        BackendException error = new("no logit is a number");
        ProbeRequest broken = new([7], 30)
        {
            OnToken = taken =>
            {
                if (taken == 3)
                {
                    throw error;
                }
            },
        };
        ProbeRequest sound = new([8], 30);
        SubmitAll(bench.Engine, [broken, sound]);
        await FailsWithAsync(broken, error);
        await sound.Ended.WaitAsync(Timeout);
        sound.Taken.Should().Equal(ScriptedShard.Continue([8], 30, Vocabulary));
        bench.Shard.WaitUntilAllAreFree(Timeout);
        bench.Fault.Should().BeNull();
    }

    /// <summary>Where a request goes wrong.</summary>
    public enum Fault
    {
        Admission,
        FirstToken,
        LaterToken,
        TokenOutsideTheVocabulary,
        NegativeToken,
        MoreTokensThanItSaid,
        Failing,
    }

    [Theory]
    [CombinatorialFaults]
    public async Task What_one_request_does_wrong_ends_it_alone_with_a_typed_error(Fault fault, bool isUntyped)
    {
        EngineLimits limits = new(ContextLength: 64, MaxSequences: 3, MaxBatchTokens: 8, Vocabulary);
        using Bench bench = new(limits);
        Exception error = isUntyped ? new InvalidOperationException("a mistake") : new BackendException("no logit is a number");
        ProbeRequest[] sound = [.. Enumerable.Range(0, 4).Select(i => new ProbeRequest([i, i + 1], 40))];
        ProbeRequest[] broken = [.. Enumerable.Range(0, 5).Select(i => Break(fault, new ProbeRequest([i, 7, 9], 30), error))];
        for (int i = 0; i < broken.Length; i++)
        {
            bench.Engine.Submit(broken[i]);
            if (i < sound.Length)
            {
                bench.Engine.Submit(sound[i]);
            }
        }

        foreach (ProbeRequest request in broken)
        {
            ExoException caught = await FailsWithAsync<ExoException>(request);
            if (fault is Fault.Admission or Fault.FirstToken or Fault.LaterToken or Fault.Failing)
            {
                (isUntyped ? caught.InnerException : caught).Should().BeSameAs(error);
            }
        }

        foreach (ProbeRequest request in sound)
        {
            await request.Ended.WaitAsync(Timeout);
            request.Taken.Should().Equal(ScriptedShard.Continue([.. request.Tokens[..2]], 40, Vocabulary));
        }

        bench.Shard.WaitUntilAllAreFree(Timeout);
        bench.Fault.Should().BeNull();
    }

    [Theory]
    [InlineData(new[] { 1, Vocabulary, 2 }, "*Token 50*place 1*vocabulary of 50*")]
    [InlineData(new[] { -1 }, "*Token -1*")]
    [InlineData(new int[0], "*no tokens*")]
    [InlineData(new[] { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, "*9 tokens*8*")]
    public async Task Tokens_that_are_not_the_models_never_reach_the_shard(int[] tokens, string message)
    {
        using Bench bench = new(new EngineLimits(ContextLength: 8, MaxSequences: 2, MaxBatchTokens: 4, Vocabulary));
        ProbeRequest sound = new([1], 5);
        bench.Engine.Submit(sound);
        bench.Engine.Invoking(engine => engine.Submit(new ProbeRequest(tokens, 3))).Should().Throw<ConfigurationException>().WithMessage(message);
        await sound.Ended.WaitAsync(Timeout);
        sound.Taken.Should().Equal(ScriptedShard.Continue([1], 5, Vocabulary));
        bench.Fault.Should().BeNull();
    }

    [Fact]
    public async Task A_shard_that_fails_with_an_untyped_error_ends_the_engine_with_a_typed_one()
    {
        using Bench bench = new(new EngineLimits(ContextLength: 64, MaxSequences: 2, MaxBatchTokens: 4, Vocabulary));
        InvalidOperationException error = new("a mistake");
        bench.Shard.BeforeStep = done => throw error;
        ProbeRequest request = new([1], 5);
        bench.Engine.Submit(request);
        (await FailsWithAsync<BackendException>(request)).InnerException.Should().BeSameAs(error);
        (await bench.Faulted.WaitAsync(Timeout)).Should().BeOfType<BackendException>();
    }

    [Fact]
    public async Task A_request_goes_on_in_a_new_engine_from_its_own_tokens()
    {
        EngineLimits limits = new(ContextLength: 64, MaxSequences: 2, MaxBatchTokens: 8, Vocabulary);
        int[] whole = ScriptedShard.Continue([3, 4], 40, Vocabulary);
        int[] before;
        using (Bench first = new(limits))
        {
            first.Shard.BeforeStep = done =>
            {
                if (done == 12)
                {
                    throw new PeerLostException(1, "it is gone");
                }
            };
            ProbeRequest request = new([3, 4], 40);
            first.Engine.Submit(request);
            await FailsWithAsync<PeerLostException>(request);
            before = request.Tokens.ToArray();
        }

        before.Should().Equal([3, 4, .. whole[..12]]);
        using Bench second = new(limits);
        ProbeRequest again = new(before, 28);
        second.Engine.Submit(again);
        await again.Ended.WaitAsync(Timeout);
        again.Taken.Should().Equal(whole[12..]);
    }

    [Fact]
    public async Task Disposing_during_work_fails_open_requests_and_ends_the_thread()
    {
        Bench bench = new(new EngineLimits(ContextLength: 100_000, MaxSequences: 2, MaxBatchTokens: 4, Vocabulary));
        using SemaphoreSlim running = new(0);
        Thread? thread = null;
        bench.Shard.BeforeStep = done =>
        {
            thread = Thread.CurrentThread;
            if (done == 10)
            {
                running.Release();
            }
        };
        ProbeRequest[] requests = [.. Enumerable.Range(0, 4).Select(i => new ProbeRequest([i], 90_000))];
        SubmitAll(bench.Engine, requests);
        (await running.WaitAsync(Timeout)).Should().BeTrue();
        bench.Dispose();

        thread!.IsAlive.Should().BeFalse();
        foreach (ProbeRequest request in requests)
        {
            await FailsWithAsync<ObjectDisposedException>(request);
        }

        ProbeRequest late = new([1], 1);
        bench.Engine.Submit(late);
        late.Ended.IsFaulted.Should().BeTrue();
        bench.Engine.Wake();
        bench.Fault.Should().BeNull("a wanted end is no fault");
    }

    [Fact]
    public async Task Disposing_an_idle_engine_says_stop_once()
    {
        Bench bench = new(new EngineLimits(ContextLength: 64, MaxSequences: 2, MaxBatchTokens: 4, Vocabulary));
        ProbeRequest request = new([3], 5);
        bench.Engine.Submit(request);
        await request.Ended.WaitAsync(Timeout);
        bench.Shard.WaitUntilAllAreFree(Timeout);
        int before = bench.Group.Broadcasts;
        bench.Dispose();
        bench.Group.Broadcasts.Should().Be(before + 1);
    }

    [Fact]
    public async Task Disposing_while_a_step_hangs_on_a_peer_ends_the_group_and_the_thread()
    {
        Bench bench = new(new EngineLimits(ContextLength: 64, MaxSequences: 2, MaxBatchTokens: 4, Vocabulary));
        bench.Group.Hangs = true;
        ProbeRequest request = new([3], 5);
        bench.Engine.Submit(request);
        bench.Group.Hanging.Wait(Timeout).Should().BeTrue();
        long start = Stopwatch.GetTimestamp();
        await Task.Run(bench.Dispose).WaitAsync(Timeout);
        output.WriteLine($"disposed after {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
        await FailsWithAsync<ObjectDisposedException>(request);
        bench.Fault.Should().BeNull("a wanted end is no fault");
    }

    [Fact]
    public async Task No_request_is_forgotten_when_the_engine_ends_under_its_callers()
    {
        for (int round = 0; round < 200; round++)
        {
            using Bench bench = new(new EngineLimits(ContextLength: 64, MaxSequences: 2, MaxBatchTokens: 4, Vocabulary));
            bool fails = round % 2 == 0;
            bench.Shard.BeforeStep = done =>
            {
                if (fails && done == 3)
                {
                    throw new BackendException("broken");
                }
            };
            Task<ProbeRequest[]>[] callers = [.. Enumerable.Range(0, 3).Select(caller => Task.Run(() =>
            {
                ProbeRequest[] requests = [.. Enumerable.Range(0, 20).Select(i => new ProbeRequest([caller, i], 2))];
                SubmitAll(bench.Engine, requests);
                return requests;
            }))];
            bench.Engine.Dispose();
            foreach (ProbeRequest request in (await Task.WhenAll(callers)).SelectMany(requests => requests))
            {
                await Task.WhenAny(request.Ended).WaitAsync(Timeout);
            }
        }
    }

    [Fact]
    public async Task A_steady_decode_step_allocates_nothing()
    {
        const int Warm = 300;
        const int Measured = 2000;
        using Bench bench = new(new EngineLimits(ContextLength: 10_000, MaxSequences: 4, MaxBatchTokens: 16, Vocabulary));
        long[] allocated = new long[Warm + Measured + 1];
        using ManualResetEventSlim allSubmitted = new();
        bench.Shard.BeforeStep = done =>
        {
            allSubmitted.Wait(Timeout);
            if (done < allocated.Length)
            {
                allocated[done] = GC.GetAllocatedBytesForCurrentThread();
            }
        };
        ProbeRequest[] requests = [.. Enumerable.Range(0, 4).Select(i => new ProbeRequest([i], allocated.Length + 50))];
        SubmitAll(bench.Engine, requests);
        allSubmitted.Set();
        await Task.WhenAll(requests.Select(request => request.Ended)).WaitAsync(Timeout);
        long bytes = allocated[^1] - allocated[Warm];
        output.WriteLine($"{bytes} bytes in {Measured} steps of 4 sequences");
        bytes.Should().Be(0);
    }

    private static ProbeRequest Break(Fault fault, ProbeRequest request, Exception error)
    {
        request.FailsToFail = fault == Fault.Failing;
        int at = fault switch
        {
            Fault.Admission => 0,
            Fault.FirstToken => 1,
            _ => 3,
        };
        request.OnToken = taken =>
        {
            if (taken != at)
            {
                return;
            }

            switch (fault)
            {
                case Fault.TokenOutsideTheVocabulary:
                    request.Answer = Vocabulary;
                    break;
                case Fault.NegativeToken:
                    request.Answer = -1;
                    break;
                case Fault.MoreTokensThanItSaid:
                    while (!request.IsFull)
                    {
                        request.Add(0);
                    }

                    break;
                default:
                    throw error;
            }
        };
        return request;
    }

    private static ProbeRequest Make(Wanted wanted, Engine engine)
    {
        ProbeRequest request = new(wanted.Prompt, wanted.Count);
        switch (wanted.Leaving)
        {
            case Leaving.BeforeSubmission:
                request.Abandon();
                break;
            case Leaving.DuringStep:
                request.OnToken = taken =>
                {
                    if (taken == wanted.After)
                    {
                        request.Abandon();
                    }
                };
                break;
            case Leaving.FromElsewhere:
                request.OnToken = taken =>
                {
                    if (taken == wanted.After)
                    {
                        ThreadPool.QueueUserWorkItem(_ =>
                        {
                            request.Abandon();
                            engine.Wake();
                        });
                    }
                };
                break;
        }

        return request;
    }

    private static void SubmitAll(Engine engine, IEnumerable<ProbeRequest> requests)
    {
        foreach (ProbeRequest request in requests)
        {
            engine.Submit(request);
        }
    }

    private static void Wait(Task[] tasks) => Task.WaitAll(tasks, Timeout).Should().BeTrue("nothing hangs");

    private static async Task FailsWithAsync(ProbeRequest request, Exception error) =>
        (await FailsWithAsync<Exception>(request)).Should().BeSameAs(error);

    private static async Task<T> FailsWithAsync<T>(ProbeRequest request)
        where T : Exception =>
        (await FluentActions.Awaiting(() => request.Ended.WaitAsync(Timeout)).Should().ThrowAsync<T>()).Which;

    /// <summary>Every fault, with an error of the library and with one of another kind.</summary>
    private sealed class CombinatorialFaultsAttribute : Xunit.Sdk.DataAttribute
    {
        public override IEnumerable<object[]> GetData(System.Reflection.MethodInfo testMethod) =>
            Enum.GetValues<Fault>().SelectMany(static fault => new object[][] { [fault, false], [fault, true] });
    }

    private sealed record Load(EngineLimits Limits, Wanted[] Sequences);

    private sealed record Wanted(int[] Prompt, int Count, Leaving Leaving, int After)
    {
        /// <summary>How many tokens the caller sees.</summary>
        public (int Least, int Most) Expected() => Leaving switch
        {
            Leaving.BeforeSubmission => (0, 0),

            // The step under way at admission still runs.
            Leaving.DuringStep when After == 0 => (0, 1),
            Leaving.DuringStep => (Math.Min(After, Count), Math.Min(After, Count)),
            Leaving.FromElsewhere => (Math.Min(After, Count), Count),
            _ => (Count, Count),
        };
    }

    private sealed class Bench : IDisposable
    {
        private readonly ClusterMeter _meter = new(factory: null);
        private readonly TaskCompletionSource<Exception> _faulted = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Bench(EngineLimits limits)
        {
            Shard = new ScriptedShard(limits);
            Engine = new Engine(Shard, Group, limits, _faulted.SetResult, _meter);
        }

        public ScriptedShard Shard { get; }

        public LoneGroup Group { get; } = new();

        public Engine Engine { get; }

        /// <summary>Completes with the error that the engine died of.</summary>
        public Task<Exception> Faulted => _faulted.Task;

        public Exception? Fault => _faulted.Task.IsCompleted ? _faulted.Task.Result : null;

        public void Dispose()
        {
            Engine.Dispose();
            _meter.Dispose();
        }
    }
}
