namespace Exo.Sdk.Models;

/// <summary>
/// The tokens that begin a text and end a generation. <c>generation_config.json</c>, where it names end tokens, wins over
/// <c>config.json</c>, as in Hugging Face's generation.
/// </summary>
internal static class TokenConfig
{
    public static (int? Begin, IReadOnlyList<int> Ends) Read(string folder, ConfigObject config, int vocabularySize)
    {
        string generationPath = Path.Combine(folder, "generation_config.json");
        ConfigObject? generation = File.Exists(generationPath) ? ConfigObject.ReadFile(generationPath) : null;
        int last = vocabularySize - 1;
        int? begin = config.OptionalInteger("bos_token_id", 0, last) ?? generation?.OptionalInteger("bos_token_id", 0, last);
        IReadOnlyList<int>? ends = generation?.OptionalIntegers("eos_token_id", 0, last) ?? config.OptionalIntegers("eos_token_id", 0, last);
        return (begin, ends is null ? [] : [.. ends.Distinct()]);
    }
}
