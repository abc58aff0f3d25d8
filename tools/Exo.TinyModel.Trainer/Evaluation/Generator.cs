using Exo.Sdk;
using Exo.TinyModel.Trainer.Corpus;
using Exo.TinyModel.Trainer.Model;
using Exo.TinyModel.Trainer.Tokenizer;
using static TorchSharp.torch;

namespace Exo.TinyModel.Trainer.Evaluation;

/// <summary>Generates with the trainer's own model, many prompts at a time. Without a cache: it is for short tests, not for use.</summary>
internal sealed class Generator(LlamaModel model, BytePairEncoding tokenizer)
{
    /// <summary>A chat up to where the assistant speaks.</summary>
    public int[] Prompt(IEnumerable<(Role Role, string Text)> turns)
    {
        var ids = new List<int>();
        foreach (var piece in Document.Chat(turns).Pieces)
        {
            ids.AddRange(piece.IsSpecial ? [tokenizer.Special(piece.Text)] : tokenizer.Encode(piece.Text));
        }
        return [.. ids, tokenizer.Special(SpecialTokens.TurnStart), .. tokenizer.Encode("assistant\n")];
    }

    /// <summary>The texts that follow the prompts.</summary>
    /// <param name="prompts">Token ids.</param>
    /// <param name="maxTokens">The longest text, in tokens.</param>
    /// <param name="temperature">0 takes the likeliest token each time.</param>
    /// <param name="dice">Needed if the temperature is not 0.</param>
    public (string Text, bool Ended)[] Generate(IReadOnlyList<int[]> prompts, int maxTokens, double temperature = 0, Dice? dice = null)
    {
        var rows = prompts.Select(prompt => prompt.ToList()).ToArray();
        var ended = new bool[rows.Length];
        for (var step = 0; step < maxTokens && ended.Contains(false); step++)
        {
            var active = Enumerable.Range(0, rows.Length).Where(row => !ended[row] && rows[row].Count < model.Shape.MaxPositions).ToArray();
            if (active.Length == 0)
            {
                break;
            }
            // Rows are padded on the right, where causal attention never looks.
            var length = active.Max(row => rows[row].Count);
            var ids = new long[active.Length * length];
            for (var i = 0; i < active.Length; i++)
            {
                for (var j = 0; j < rows[active[i]].Count; j++)
                {
                    ids[(i * length) + j] = rows[active[i]][j];
                }
            }
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();
            var last = tensor(active.Select((row, i) => ((long)i * length) + rows[row].Count - 1).ToArray());
            var hidden = model.Hidden(tensor(ids, [active.Length, length]), null).view(-1, model.Shape.HiddenSize).index_select(0, last);
            var logits = model.Logits(hidden).data<float>().ToArray();
            for (var i = 0; i < active.Length; i++)
            {
                var token = Choose(logits.AsSpan(i * model.Shape.VocabularySize, model.Shape.VocabularySize), temperature, dice);
                rows[active[i]].Add(token);
                ended[active[i]] = token == tokenizer.Special(SpecialTokens.TurnEnd) || token == tokenizer.Special(SpecialTokens.EndOfText);
            }
        }
        return [.. rows.Select((row, i) => (tokenizer.Decode(row.Skip(prompts[i].Length).SkipLast(ended[i] ? 1 : 0)), ended[i]))];
    }

    private static int Choose(ReadOnlySpan<float> logits, double temperature, Dice? dice)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
        }
        if (temperature == 0 || dice is null)
        {
            return best;
        }
        var weights = new double[logits.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = Math.Exp((logits[i] - logits[best]) / temperature);
        }
        var at = dice.Uniform() * weights.Sum();
        var chosen = Array.FindIndex(weights, weight => (at -= weight) <= 0);
        return chosen < 0 ? best : chosen;
    }
}
