using System.Numerics.Tensors;

namespace Exo.Sdk.Generation;

/// <summary>
/// Picks a token from logits: repetition penalty, temperature, top-k, top-p, min-p, then a draw, in the order of Hugging Face
/// transformers. One per sequence; not thread-safe. Allocates only when it is made.
/// </summary>
internal sealed class TokenSampler
{
    /// <summary>Weights relative to the likeliest token's that <see cref="Narrow"/> collects candidates above, one after the other.</summary>
    private static readonly float[] Floors = [3e-4f, 1e-7f, 0f];

    private readonly GenerationOptions _options;
    private readonly Random _random;
    private readonly bool[] _seen;
    private readonly ulong[] _candidates;
    private readonly float[] _weights;

    public TokenSampler(GenerationOptions options, int vocabularySize)
    {
        _options = options;
        _random = options.Seed is { } seed ? new Random(seed) : new Random();
        _seen = options.RepetitionPenalty == 1f ? [] : new bool[vocabularySize];
        bool samples = options.Temperature > 0;
        _candidates = samples ? new ulong[vocabularySize] : [];
        _weights = samples ? new float[vocabularySize] : [];
    }

    /// <summary>Tells of a token that is part of the sequence, for the repetition penalty.</summary>
    public void Observe(int token)
    {
        if (_seen.Length > 0)
        {
            _seen[token] = true;
        }
    }

    /// <summary>Picks the next token.</summary>
    /// <param name="logits">One value for each vocabulary entry; overwritten.</param>
    /// <exception cref="BackendException">No logit is a number.</exception>
    public int Sample(Span<float> logits)
    {
        Penalize(logits);
        int best = TensorPrimitives.IndexOfMax(logits);
        float top = logits[best];
        if (!float.IsFinite(top))
        {
            // IndexOfMax answers with a NaN where there is one.
            throw new BackendException($"The model gave {top} as a logit; its weights or the backend are broken.");
        }

        return _options.Temperature == 0 ? best : Draw(logits, best);
    }

    private void Penalize(Span<float> logits)
    {
        float penalty = _options.RepetitionPenalty;
        for (int i = 0; i < _seen.Length; i++)
        {
            if (_seen[i])
            {
                logits[i] = logits[i] > 0 ? logits[i] / penalty : logits[i] * penalty;
            }
        }
    }

    private int Draw(Span<float> logits, int best)
    {
        // Weights relative to the likeliest token: exp((logit − top) / temperature), so that the largest is 1. Divided, because
        // the inverse of a tiny temperature is infinite.
        Span<float> all = _weights.AsSpan(0, logits.Length);
        TensorPrimitives.Subtract(logits, logits[best], all);
        TensorPrimitives.Divide(all, _options.Temperature, all);
        TensorPrimitives.Exp(all, all);

        int count = Narrow(all);
        double target = _random.NextDouble() * MassOf(all, count);
        foreach (ulong candidate in _candidates.AsSpan(0, count))
        {
            target -= all[IdOf(candidate)];
            if (target < 0)
            {
                return IdOf(candidate);
            }
        }

        return best;
    }

    /// <summary>Fills the candidates, likeliest first where an order was needed, and returns their number.</summary>
    private int Narrow(ReadOnlySpan<float> weights)
    {
        bool limited = _options.TopK > 0 && _options.TopK < weights.Length;
        if (!limited && _options.TopP >= 1)
        {
            return Collect(weights, _options.MinP);
        }

        // Only the tokens above a floor are sorted; the floor sinks until they surely hold all that top-k and top-p can keep.
        double mass = TensorPrimitives.Sum(weights);
        foreach (float floor in Floors)
        {
            int count = Collect(weights, floor);
            bool enough = floor == 0
                || (limited ? count >= _options.TopK : MassOf(weights, count) >= _options.TopP * mass);
            if (!enough)
            {
                continue;
            }

            _candidates.AsSpan(0, count).Sort();
            count = limited ? Math.Min(count, _options.TopK) : count;
            count = KeepTopP(weights, count, limited ? MassOf(weights, count) : mass);
            return KeepMinP(weights, count);
        }

        throw new InvalidOperationException("The last floor keeps everything.");
    }

    private int Collect(ReadOnlySpan<float> weights, float floor)
    {
        int count = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] >= floor)
            {
                _candidates[count++] = Candidate(i, weights[i]);
            }
        }

        return count;
    }

    private double MassOf(ReadOnlySpan<float> weights, int count)
    {
        double mass = 0;
        foreach (ulong candidate in _candidates.AsSpan(0, count))
        {
            mass += weights[IdOf(candidate)];
        }

        return mass;
    }

    private int KeepTopP(ReadOnlySpan<float> weights, int count, double mass)
    {
        double target = _options.TopP * mass;
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += weights[IdOf(_candidates[i])];
            if (sum >= target)
            {
                return i + 1;
            }
        }

        return count;
    }

    private int KeepMinP(ReadOnlySpan<float> weights, int count)
    {
        while (count > 1 && weights[IdOf(_candidates[count - 1])] < _options.MinP)
        {
            count--;
        }

        return count;
    }

    /// <summary>
    /// A token as a number whose order is likeliest first, equal weights by token: bits of floats above 0 have the floats' order.
    /// So candidates sort without a comparer, the same way on every machine.
    /// </summary>
    private static ulong Candidate(int id, float weight) => ((ulong)~BitConverter.SingleToUInt32Bits(weight) << 32) | (uint)id;

    private static int IdOf(ulong candidate) => (int)(uint)candidate;
}
