using System.Diagnostics;
using System.Runtime.InteropServices;
using Exo.Sdk.Cpu.Tests.Support;
using Exo.Sdk.Models;
using Exo.Sdk.Testing;
using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests;

/// <summary>What the process takes; alone, because other tests take memory too.</summary>
[Collection(nameof(MemoryTests))]
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryTests(ITestOutputHelper output)
{
    private const long Constant = 24 << 20;

    [LinuxFact]
    public async Task No_weight_stays_twice_and_none_is_twice_there_while_loading()
    {
        // The source makes its bytes up, so that it takes no memory itself.
        ModelSpec spec = Spec();
        using PatternSource source = new(spec);
        ShardOptions options = new() { ContextLength = 256, MaxSequences = 1, MaxBatchTokens = 32, ThreadCount = 2 };
        long before = Resident("VmRSS");
        bool tellsPeak = TryResetPeak();
        using TestGroup group = await TestGroup.ConnectAsync(size: 1);
        using (IModelShard shard = await new CpuBackend().LoadAsync(spec, ShardSet.Whole(spec), source, group.Ranks[0], options))
        {
            ShardMemory memory = shard.Memory;
            memory.Weights.Should().BeGreaterThan(200 << 20);
            Check("loaded", Resident("VmRSS") - before, memory.Weights);
            if (tellsPeak)
            {
                Check("at most while loading", Resident("VmHWM") - before, memory.Weights);
            }

            shard.Allocate(0);
            float[] logits = new float[spec.VocabularySize];
            shard.Forward(new StepBatch([.. Enumerable.Range(0, 32)], [new SequenceStep(0, 0, 32, StepLogits.Last)]), logits);
            shard.Forward(new StepBatch([1], [new SequenceStep(0, 32, 1, StepLogits.Last)]), logits);
            Check("after prefill and decode", Resident("VmRSS") - before, memory.Weights + memory.Buffers + shard.Memory.KeyValueCache);
        }

        long left = Resident("VmRSS") - before;
        output.WriteLine($"disposed: {left / 1e6:f1} MB more than before");
        left.Should().BeLessThan(Constant + (50 << 20), "the allocator keeps small blocks, but the large ones are most of the shard");

        void Check(string when, long growth, long known)
        {
            output.WriteLine($"{when}: {growth / 1e6:f1} MB more than before, for {known / 1e6:f1} MB");
            growth.Should().BeLessThan((long)(1.10 * known) + Constant, when);
        }
    }

    [Fact]
    public void Loading_and_disposing_leaves_no_memory_behind()
    {
        MemoryModel model = new(new ModelShape { Hidden = 256, Layers = 4, Channels = 512, Vocabulary = 2000, Packing = new(8, 32), Seed = 61 });
        int[] tokens = model.Tokens(40, 1);
        for (int i = 0; i < 5; i++)
        {
            Cycle();
        }

        long before = WorkingSet();
        long taken = 0;
        for (int i = 0; i < 20; i++)
        {
            taken = Cycle();
        }

        long growth = WorkingSet() - before;
        output.WriteLine($"20 cycles of {taken / 1e6:f1} MB each: resident memory grows by {growth / 1e6:f1} MB");
        growth.Should().BeLessThan(3 * taken, "20 leaked shards would take twenty times as much");

        long Cycle()
        {
            using ShardSet shards = new(new CpuBackend(), model, options: new ShardOptions { ContextLength = 1024, ThreadCount = 2 });
            shards.Do(shard => shard.Allocate(0));
            shards.Do(shard => shard.Allocate(1));
            shards.Forward(tokens, new SequenceStep(0, 0, 40, StepLogits.Last));
            ShardMemory memory = shards[0].Memory;
            return memory.Weights + memory.Buffers;
        }
    }

    private static ModelSpec Spec()
    {
        QuantizationSpec packing = new(4, 64);
        LinearSpec embedding = Linear("embed", 16000, 1024, SplitRule.Column(SplitUnit.Token));
        return new ModelSpec
        {
            Family = "pattern",
            Architecture = "Pattern",
            HiddenSize = 1024,
            VocabularySize = 16000,
            MaxContextLength = 4096,
            Embedding = embedding,
            Layers = [.. Enumerable.Range(0, 14).Select(Layer)],
            FinalNorm = new NormSpec("norm", 1024, 1e-5f),
            Head = embedding,
        };

        LayerSpec Layer(int index) => new(
            new GroupedQueryAttention
            {
                QueryHeadCount = 16,
                KeyValueHeadCount = 16,
                HeadSize = 64,
                Rope = new RopeSpec(10000),
                Norm = new NormSpec("norm", 1024, 1e-5f),
                Query = Linear($"{index}.q", 1024, 1024, SplitRule.Column(SplitUnit.QueryHead, 64)),
                Key = Linear($"{index}.k", 1024, 1024, SplitRule.Column(SplitUnit.KeyValueHead, 64)),
                Value = Linear($"{index}.v", 1024, 1024, SplitRule.Column(SplitUnit.KeyValueHead, 64)),
                Output = Linear($"{index}.o", 1024, 1024, SplitRule.Row(SplitUnit.QueryHead, 64)),
            },
            new GatedFeedForward
            {
                Norm = new NormSpec("norm", 1024, 1e-5f),
                Gate = Linear($"{index}.gate", 8192, 1024, SplitRule.Column(SplitUnit.Channel)),
                Up = Linear($"{index}.up", 8192, 1024, SplitRule.Column(SplitUnit.Channel)),
                Down = Linear($"{index}.down", 1024, 8192, SplitRule.Row(SplitUnit.Channel)),
            });

        LinearSpec Linear(string path, int outputs, int inputs, SplitRule split) => new()
        {
            Path = path,
            OutputSize = outputs,
            InputSize = inputs,
            Split = split,
            Quantization = packing,
            StoredType = ElementType.BFloat16,
        };
    }

    private static bool TryResetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static long Resident(string field)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        string line = File.ReadLines("/proc/self/status").First(text => text.StartsWith(field + ":", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]);
    }

    private static long WorkingSet()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    /// <summary>A source of weights that it never holds: norms of ones, scales that keep numbers small, words from a counter.</summary>
    private sealed class PatternSource(ModelSpec spec) : WeightSource
    {
        private readonly Dictionary<string, TensorInfo> _tensors = Describe(spec);

        public override IReadOnlyCollection<string> Names => _tensors.Keys;

        public override long BytesRead => 0;

        public override bool Contains(string name) => _tensors.ContainsKey(name);

        public override TensorInfo Describe(string name) => _tensors[name];

        public override void Read(string name, in TensorSlice slice, Span<byte> destination)
        {
            if (_tensors[name].Type == ElementType.UInt32)
            {
                Span<uint> words = MemoryMarshal.Cast<byte, uint>(destination);
                for (int i = 0; i < words.Length; i++)
                {
                    words[i] = (uint)i * 2654435761;
                }
            }
            else
            {
                float value = name.EndsWith(".scales", StringComparison.Ordinal) ? 0.004f : -0.03f;
                MemoryMarshal.Cast<byte, ushort>(destination).Fill((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
            }
        }

        public override void ReadFloat32(string name, in TensorSlice slice, Span<float> destination) => destination.Fill(1);

        public override bool TryMap(string name, in TensorSlice slice, out MappedBytes bytes)
        {
            bytes = default;
            return false;
        }

        private static Dictionary<string, TensorInfo> Describe(ModelSpec spec)
        {
            Dictionary<string, TensorInfo> tensors = new() { ["norm"] = new("norm", ElementType.BFloat16, [spec.HiddenSize]) };
            foreach (LinearSpec linear in spec.Layers.SelectMany(layer => layer.Linears).Append(spec.Embedding))
            {
                int groups = linear.InputSize / linear.Quantization!.GroupSize;
                Add(linear.WeightName, ElementType.UInt32, linear.OutputSize, linear.InputSize * linear.Quantization.Bits / 32);
                Add(linear.ScalesName, ElementType.BFloat16, linear.OutputSize, groups);
                Add(linear.GroupBiasesName, ElementType.BFloat16, linear.OutputSize, groups);
            }

            return tensors;

            void Add(string name, ElementType type, int rows, int columns) => tensors.Add(name, new TensorInfo(name, type, [rows, columns]));
        }
    }
}
