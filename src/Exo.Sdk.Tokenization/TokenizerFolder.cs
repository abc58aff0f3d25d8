using Exo.Sdk.Tokenization.Files;
using Exo.Sdk.Tokenization.SentencePiece;

namespace Exo.Sdk.Tokenization;

/// <summary>Finds out which tokenizer a model folder has.</summary>
internal static class TokenizerFolder
{
    /// <summary>Loads it.</summary>
    public static Tokenizer Load(string folder)
    {
        string json = System.IO.Path.Combine(folder, "tokenizer.json"), model = System.IO.Path.Combine(folder, "tokenizer.model");
        if (System.IO.File.Exists(json))
        {
            return TokenizerJson.Load(json, TokenizerSettings.Read(folder));
        }

        return System.IO.File.Exists(model)
            ? SentencePieceFile.Load(model, TokenizerSettings.Read(folder))
            : throw new ModelFormatException(folder, "the folder has no tokenizer", "tokenizer.json or tokenizer.model", "neither");
    }
}
