using Exo.Sdk.Testing.RandomModels;

namespace Exo.Sdk.Testing;

/// <summary>
/// Writes models with random weights as Hugging Face or MLX files: <c>config.json</c>, safetensors and a byte-level
/// <c>tokenizer.json</c>. Weights are scaled so that every activation keeps its size and logits come out of order 1 to 10.
/// </summary>
public static class RandomModel
{
    /// <summary>
    /// Writes a model, tensor by tensor: it takes a few megabytes of memory however large the model is. Files of the same names
    /// are overwritten. Equal options give equal bytes on every machine.
    /// </summary>
    /// <param name="folder">The folder, created where it is missing.</param>
    /// <param name="options">Family and shape.</param>
    /// <param name="cancellationToken">Ends the writing; what was written stays.</param>
    /// <exception cref="ConfigurationException">The options contradict each other or the family.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static void Write(string folder, RandomModelOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(options);
        OptionRules.Validate(options);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), ConfigFile.Compose(options));
        TokenizerFiles.Write(folder, options.VocabularySize, options.MaxContextLength);
        SafetensorsStream.Write(folder, [.. TensorList.Of(options)], options, cancellationToken);
    }
}
