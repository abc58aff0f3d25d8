namespace Exo.TinyModel.Trainer.Model;

/// <summary>The dimensions of a Llama-family model, in the names of its config.json.</summary>
internal sealed record Shape(
    int VocabularySize, int HiddenSize, int Layers, int Heads, int KeyValueHeads, int HeadSize, int IntermediateSize, int MaxPositions, double RopeTheta, double NormEpsilon)
{
    /// <summary>exo-tiny: small enough that bf16 and 4-bit together stay under 8,000,000 bytes.</summary>
    public static readonly Shape ExoTiny = new(1024, 256, 4, 8, 4, 32, 384, 512, 10_000, 1e-5);
}
