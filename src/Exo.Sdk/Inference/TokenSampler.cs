using System.Numerics.Tensors;

namespace Exo.Sdk.Inference;

/// <summary>
/// Picks a token from logits: repetition penalty, temperature, top-k, top-p, min-p, then a draw, in the order of Hugging Face
/// transformers. One per sequence; not thread-safe. Allocates only when it is made.
/// </summary>
internal sealed class TokenSampler
{
    private readonly GenerationOptions _options;
    private readonly Random _random;
    private readonly bool[] _seen;
    private readonly int[] _candidates;
    private readonly float[] _weights;
    private readonly Comparison<int> _likeliestFirst;

    public TokenSampler(GenerationOptions options, int vocabularySize)
    {
        _options = options;
        _random = options.Seed is { } seed ? new Random(seed) : new Random();
        _seen = options.RepetitionPenalty == 1f ? [] : new bool[vocabularySize];
        bool samples = options.Temperature > 0;
        _candidates = samples ? new int[vocabularySize] : [];
        _weights = samples ? new float[vocabularySize] : [];
        _likeliestFirst = CompareByWeight;
    }

    /// <summary>Tells of a token that is part of the text, for the repetition penalty.</summary>
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
        Penalise(logits);
        int best = TensorPrimitives.IndexOfMax(logits);
        float top = logits[best];
        if (!float.IsFinite(top))
        {
            // IndexOfMax answers with a NaN where there is one.
            throw new BackendException($"The model gave {top} as a logit; its weights or the backend are broken.");
        }

        return _options.Temperature == 0 ? best : Draw(logits, top);
    }

    private void Penalise(Span<float> logits)
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

    private int Draw(Span<float> logits, float top)
    {
        // Weights relative to the likeliest token: exp((logit − top) / temperature), so that the largest is 1.
        Span<float> all = _weights.AsSpan(0, logits.Length);
        TensorPrimitives.Subtract(logits, top, all);
        TensorPrimitives.Multiply(all, 1f / _options.Temperature, all);
        TensorPrimitives.Exp(all, all);

        int count = Narrow(all);
        Span<int> ids = _candidates.AsSpan(0, count);
        float total = 0;
        foreach (int id in ids)
        {
            total += all[id];
        }

        float target = _random.NextSingle() * total;
        foreach (int id in ids)
        {
            target -= all[id];
            if (target < 0)
            {
                return id;
            }
        }

        return ids[0];
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
        float mass = TensorPrimitives.Sum(weights);
        foreach (float floor in (ReadOnlySpan<float>)[3e-4f, 1e-7f, 0f])
        {
            int count = Collect(weights, floor);
            bool enough = floor == 0
                || (limited ? count >= _options.TopK : MassOf(weights, count) >= _options.TopP * mass);
            if (!enough)
            {
                continue;
            }

            _candidates.AsSpan(0, count).Sort(_likeliestFirst);
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
                _candidates[count++] = i;
            }
        }

        return count;
    }

    private float MassOf(ReadOnlySpan<float> weights, int count)
    {
        float mass = 0;
        foreach (int id in _candidates.AsSpan(0, count))
        {
            mass += weights[id];
        }

        return mass;
    }

    private int KeepTopP(ReadOnlySpan<float> weights, int count, float mass)
    {
        float target = _options.TopP * mass;
        float sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += weights[_candidates[i]];
            if (sum >= target)
            {
                return i + 1;
            }
        }

        return count;
    }

    private int KeepMinP(ReadOnlySpan<float> weights, int count)
    {
        while (count > 1 && weights[_candidates[count - 1]] < _options.MinP)
        {
            count--;
        }

        return count;
    }

    /// <summary>Equal weights by token, so that the order is the same on every machine.</summary>
    private int CompareByWeight(int x, int y)
    {
        int order = _weights[y].CompareTo(_weights[x]);
        return order != 0 ? order : x.CompareTo(y);
    }
}
