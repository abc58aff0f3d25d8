using Exo.Sdk.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests;

/// <summary>How many threads compute a shard changes no bit of its logits.</summary>
public sealed class ThreadTests(ITestOutputHelper output)
{
    public static TheoryData<ModelShape> Shapes() =>
    [
        new ModelShape { Name = "4-bit", Packing = new(4, 32), Vocabulary = 1000, Channels = 512, HasBias = true, Seed = 51 },
        new ModelShape { Name = "plain, odd sizes", Hidden = 53, HeadSize = 10, Channels = 77, Type = ElementType.BFloat16, Seed = 52 },

        // More query heads than one block of attention takes: several threads share a head's decode.
        new ModelShape { Name = "40 query heads to one", QueryHeads = 40, KeyValueHeads = 1, HeadSize = 8, HasQueryKeyNorm = true, Seed = 53 },
    ];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Any_number_of_threads_gives_the_same_bits(ModelShape shape)
    {
        MemoryModel model = new(shape);
        int[] tokens = model.Tokens(44, 1);
        foreach (ActivationPrecision activations in Enum.GetValues<ActivationPrecision>())
        {
            float[][] one = Run(1, activations);
            one.Should().HaveCount(25);
            foreach (int threads in (int[])[2, 3, 5])
            {
                float[][] several = Run(threads, activations);
                for (int i = 0; i < one.Length; i++)
                {
                    several[i].AsSpan().SequenceEqual(one[i]).Should().BeTrue($"step {i} with {threads} threads and {activations} activations");
                }
            }
        }

        output.WriteLine("1, 2, 3 and 5 threads: equal bits");

        float[][] Run(int threads, ActivationPrecision activations)
        {
            using ShardSet shards = new(new CpuBackend(), model, options: new ShardOptions { ThreadCount = threads, ContextLength = 64, Activations = activations });
            shards.Do(shard => shard.Allocate(0));
            List<float[]> rows = [shards.Forward(tokens[..20], new SequenceStep(0, 0, 20, StepLogits.Last))[0]];
            for (int position = 20; position < 44; position++)
            {
                rows.Add(shards.Forward([tokens[position]], new SequenceStep(0, position, 1, StepLogits.Last))[0]);
            }

            return [.. rows];
        }
    }
}
