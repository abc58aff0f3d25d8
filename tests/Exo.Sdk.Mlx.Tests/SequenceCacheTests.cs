using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Tests.Support;

namespace Exo.Sdk.Mlx.Tests;

/// <summary>Where the real MLX keeps keys and values.</summary>
public sealed class SequenceCacheTests
{
    [MlxFact]
    public void A_step_writes_in_place_and_a_fork_copies_when_one_side_writes()
    {
        ShardThread thread = ShardThread.Rent();
        thread.Run(() =>
        {
            using MlxOperations operations = new(MlxLibrary.Load(null), isGpu: false);
            using SequenceCache cache = new(operations, MlxType.Float32, headSizes: [4], headCount: 2, contextLength: 600);
            using SequenceCache fork = new(operations, MlxType.Float32, headSizes: [4], headCount: 2, contextLength: 600);
            Step(cache, 3);
            nint first = AddressOf(cache);
            Step(cache, 1);
            AddressOf(cache).Should().Be(first, "nothing else holds the array");
            Step(cache, 1);
            AddressOf(cache).Should().Be(first);

            fork.Share(cache);
            AddressOf(fork).Should().Be(first, "a fork is a reference until one side writes");
            Step(fork, 1);
            AddressOf(fork).Should().NotBe(first);
            AddressOf(cache).Should().Be(first);

            void Step(SequenceCache target, int count)
            {
                int end = target.Length + count;
                target.Reserve(end);
                float[] numbers = [.. Enumerable.Repeat((float)end, 2 * count * 4)];
                target.Write(
                    0,
                    target.Length,
                    count,
                    operations.Data<float>(numbers, MlxType.Float32, 1, 2, count, 4),
                    operations.Data<float>(numbers, MlxType.Float32, 1, 2, count, 4));

                // What attention reads, so that the step holds a view of the cache as a real one does.
                MlxArray read = operations.Contiguous(operations.Add(target.Keys(0, 0, end), target.Values(0, 0, end)));
                operations.Eval([read, .. Arrays(target)]);
                operations.Numbers(read)[(end - 1) * 4].Should().Be(2 * end);
                target.Length = end;
                operations.Scope.Clear();
            }

            nint AddressOf(SequenceCache target)
            {
                unsafe
                {
                    return (nint)operations.Api.ArrayDataFloat32(Arrays(target)[0]);
                }
            }
        });
        ShardThread.Return(thread);

        static List<MlxArray> Arrays(SequenceCache cache)
        {
            List<MlxArray> arrays = [];
            cache.CopyArraysTo(arrays);
            return arrays;
        }
    }
}
