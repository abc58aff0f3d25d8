using System.Globalization;
using Exo.Sdk;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Outside.Tests;

/// <summary>A compute backend of somebody else. Its model counts: after a token comes the next one of the vocabulary.</summary>
/// <param name="standing">Where it stands in the automatic choice.</param>
/// <param name="step">How far the next token is.</param>
internal sealed class CountingBackend(BackendStanding standing, int step = 1) : IComputeBackend, IChildProcessPart
{
    public CountingBackend()
        : this(BackendStanding.Accelerated)
    {
    }

    public string Name => "counting";

    public BackendStanding Standing => standing;

    public string DescribeOptions() => step.ToString(CultureInfo.InvariantCulture);

    public IChildProcessPart WithOptions(string options) =>
        int.TryParse(options, NumberStyles.None, CultureInfo.InvariantCulture, out int given) && given is > 0 and < 100
            ? new CountingBackend(standing, given)
            : throw new ConfigurationException("That is no step.");

    public Availability Probe() => Availability.Yes("it needs nothing");

    public Availability Supports(ModelSpec spec) => Availability.Yes("it reads no weights");

    public ValueTask<IModelShard> LoadAsync(
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource weights,
        ICollective group,
        ShardOptions options,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        ValueTask.FromResult<IModelShard>(new Shard(spec.VocabularySize, step, assignment, group));

    /// <summary>Each rank knows the next token of its part of the vocabulary, and the group's sum puts them together.</summary>
    private sealed class Shard(int vocabularySize, int distance, ShardAssignment assignment, ICollective group) : IModelShard
    {
        private readonly float[] _sum = new float[vocabularySize];

        public ShardAssignment Assignment => assignment;

        public ShardMemory Memory => new(0, 0, _sum.Length * sizeof(float));

        public void Forward(in StepBatch batch, Span<float> logits)
        {
            int at = 0, row = 0;
            foreach (SequenceStep step in batch.Sequences)
            {
                for (int i = 0; i < step.Count; i++)
                {
                    int next = (batch.Tokens[at + i] + distance) % vocabularySize;
                    if (step.Logits == StepLogits.All || (step.Logits == StepLogits.Last && i == step.Count - 1))
                    {
                        Array.Clear(_sum);
                        _sum[next] = assignment.Tokens.Start <= next && next < assignment.Tokens.End ? 1 : 0;
                        group.AllReduceSum(_sum);
                        if (assignment.Rank == 0)
                        {
                            _sum.CopyTo(logits[(row++ * vocabularySize)..]);
                        }
                    }
                }

                at += step.Count;
            }
        }

        public void Allocate(int slot)
        {
        }

        public void Fork(int source, int target)
        {
        }

        public void Truncate(int slot, int length)
        {
        }

        public void Free(int slot)
        {
        }

        public void Dispose()
        {
        }
    }
}
