using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.Conformance.Backends;

/// <summary>Whether logits are what the formulas say.</summary>
internal static class AnswerChecks
{
    private const int Prefill = 11;
    private const int Decode = 32;

    private static readonly ShardOptions Exact = new() { ContextLength = 64, MaxBatchTokens = 64, ThreadCount = 2, KeyValues = KeyValuePrecision.Float32 };

    public static async Task FollowsOrRefuses(BackendUnderTest tested, TestModel model, Action<string> log)
    {
        MadeModel made = model.Make();
        Availability answer = tested.Backend.Supports(made.Spec);
        if (answer.IsAvailable)
        {
            using ShardSet shards = ShardSet.Load(_ => tested.Backend, made.Spec, made.Weights, null, Exact);
            Follow(shards, made, tested.Options.Tolerance, log);
            return;
        }

        log($"refused: {answer.Reason}");
        Expect.That(answer.Reason.Length > 0, "a reason why the model is refused", "none");
        await LoadChecks.RefuseAsync<UnsupportedModelException>(tested, made, "a model that Supports refuses").ConfigureAwait(false);
    }

    public static void FollowsDivided(BackendUnderTest tested, TestDivision division, Action<string> log)
    {
        if (tested.Backend.Supports(division.Model.Spec) is { IsAvailable: false } refusal)
        {
            log($"refused: {refusal.Reason}");
            return;
        }

        using ShardSet shards = ShardSet.Load(_ => tested.Backend, division.Model.Spec, division.Model.Weights, division.Parts, Exact);
        Follow(shards, division.Model, tested.Options.Tolerance, log);
    }

    public static void StaysWithinIntegerTolerance(BackendUnderTest tested, Action<string> log)
    {
        foreach ((int bits, int group) in ((int, int)[])[(2, 32), (3, 64), (4, 32), (4, 128), (5, 64), (6, 128), (8, 64)])
        {
            MemoryModel model = new(new ModelShape { Hidden = 256, QueryHeads = 8, Channels = 384, Packing = new QuantizationSpec(bits, group), HasBias = true, Seed = 20 });
            if (tested.Backend.Supports(model.Spec).IsAvailable)
            {
                using ShardSet shards = new(tested.Backend, model, options: Exact with { Activations = ActivationPrecision.Int8 });
                log($"{bits} bits in groups of {group}:");
                Follow(shards, TestModel.Of(model), tested.Options.IntegerTolerance, log);
            }
        }
    }

    private static void Follow(ShardSet shards, MadeModel model, double tolerance, Action<string> log)
    {
        double error = shards.ErrorAgainst(model.Reference, Prefill, Decode);
        log($"largest relative error {error:e2}");
        Expect.That(error < tolerance, $"logits within {tolerance:e1} of the formulas", $"{error:e2}");
    }
}
