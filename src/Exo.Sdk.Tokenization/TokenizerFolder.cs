using Exo.Sdk.Tokenization.Files;
using Exo.Sdk.Tokenization.Pipeline;
using Exo.Sdk.Tokenization.SentencePiece;

namespace Exo.Sdk.Tokenization;

/// <summary>Finds out which tokenizer a model folder has.</summary>
internal static class TokenizerFolder
{
    /// <summary>Loads it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="vocabularySize">How many ids the model knows; null where that is not to be checked.</param>
    public static Tokenizer Load(string folder, int? vocabularySize)
    {
        TokenizerParts parts = Read(folder);
        if (vocabularySize is { } size)
        {
            ModelVocabulary.Require(parts, size);
        }

        return new PipelineTokenizer(parts);
    }

    private static TokenizerParts Read(string folder)
    {
        string json = System.IO.Path.Combine(folder, "tokenizer.json"), model = System.IO.Path.Combine(folder, "tokenizer.model");
        if (System.IO.File.Exists(json))
        {
            return TokenizerJson.Read(json, TokenizerSettings.Read(folder));
        }

        return System.IO.File.Exists(model)
            ? SentencePieceFile.Read(model, TokenizerSettings.Read(folder))
            : throw new ModelFormatException(folder, "the folder has no tokenizer", "tokenizer.json or tokenizer.model", "neither");
    }
}
