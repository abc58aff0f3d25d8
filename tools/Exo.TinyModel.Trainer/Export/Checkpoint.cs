using System.Runtime.InteropServices;
using Exo.TinyModel.Trainer.Model;
using Exo.TinyModel.Trainer.Tokenizer;
using static TorchSharp.torch;

namespace Exo.TinyModel.Trainer.Export;

/// <summary>A trained model in float32 with its tokenizer, as training leaves it.</summary>
internal static class Checkpoint
{
    public static void Write(string folder, LlamaModel model, BytePairEncoding tokenizer)
    {
        Directory.CreateDirectory(folder);
        TokenizerFile.Write(Path.Combine(folder, "tokenizer.json"), tokenizer);
        var path = Path.Combine(folder, "model.safetensors");
        Safetensors.Write(path + ".part", model.Weights.Select(entry => KeyValuePair.Create(
            entry.Key, new StoredTensor("F32", entry.Value.shape, MemoryMarshal.AsBytes<float>(Values(entry.Value)).ToArray()))));
        File.Move(path + ".part", path, overwrite: true);
    }

    private static float[] Values(Tensor weight)
    {
        using var scope = NewDisposeScope();
        return weight.detach().contiguous().data<float>().ToArray();
    }
}
