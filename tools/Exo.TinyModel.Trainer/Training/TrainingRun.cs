using System.Diagnostics;
using System.Globalization;
using Exo.TinyModel.Trainer.Corpus;
using Exo.TinyModel.Trainer.Model;
using Exo.TinyModel.Trainer.Tokenizer;
using static TorchSharp.torch;

namespace Exo.TinyModel.Trainer.Training;

/// <summary>Trains a model from nothing. The same seed, steps and thread count give the same weights on the same kind of processor.</summary>
internal static class TrainingRun
{
    private const int TokensPerStep = 2048;

    /// <param name="seed">Of the weights and of the text.</param>
    /// <param name="tokenizer">Trained on the same kind of text.</param>
    /// <param name="schedule">Says how fast and how long.</param>
    /// <param name="checkpoint">Called every few hundred steps with the model as it is.</param>
    public static LlamaModel Train(ulong seed, BytePairEncoding tokenizer, Schedule schedule, Action<LlamaModel> checkpoint)
    {
        var model = LlamaModel.Initialize(Shape.ExoTiny, (long)seed);
        var optimizer = new Optimizer(model.Weights);
        var packer = new Packer(Mixture.Documents(seed), tokenizer);
        var clock = Stopwatch.StartNew();
        var (step, smooth) = (0, 0.0);
        for (; schedule.Rate(step, clock.Elapsed) is { } rate; step++)
        {
            using var scope = NewDisposeScope();
            var length = step % 4 == 3 ? 512 : 256;
            var batch = packer.Next(TokensPerStep / length, length);
            var hidden = model.Hidden(batch.Ids, batch.Mask).view(-1, model.Shape.HiddenSize).index_select(0, batch.Positions);
            var losses = nn.functional.cross_entropy(model.Logits(hidden), batch.Targets, reduction: nn.Reduction.None);
            var loss = (losses * batch.Weights).sum() / batch.Weights.sum();
            loss.backward();
            optimizer.Step(rate);

            var value = loss.item<float>();
            if (!float.IsFinite(value))
            {
                throw new InvalidOperationException($"The loss is {value} at step {step}.");
            }
            smooth = step == 0 ? value : (0.97 * smooth) + (0.03 * value);
            if (step % 20 == 0)
            {
                var speed = (step + 1) * TokensPerStep / clock.Elapsed.TotalSeconds;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"step {step,5} of {schedule.Steps?.ToString(CultureInfo.InvariantCulture) ?? "?"}  loss {value:f4}  average {smooth:f4}  rate {rate:f3}  {speed:f0} tokens/s  remaining {schedule.Remaining(step, clock.Elapsed):hh\\:mm\\:ss}"));
            }
            if (step % 400 == 399)
            {
                checkpoint(model);
            }
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"trained {step} steps, {(long)step * TokensPerStep:n0} tokens, in {clock.Elapsed:hh\\:mm\\:ss}"));
        return model;
    }
}
