using Exo.Sdk.Models;

namespace Exo.Sdk.Tests.Models;

public sealed class ModelFingerprintTests
{
    private const string Config = """{"hidden_size":4}""";

    [Fact]
    public void Copies_agree_whatever_their_files_are_called()
    {
        byte[] weights = Safetensors.Of(("a", "U8", [2, 2], [1, 2, 3, 4]));

        string first = Fingerprint(Config, weights);

        first.Should().MatchRegex("^[0-9a-f]{64}$");
        Fingerprint(Config, weights).Should().Be(first);
        using TemporaryFolder renamed = new TemporaryFolder().With("config.json", Config).With("other.safetensors", weights);
        ModelFingerprint.Compute(renamed.Path).Should().Be(first);
    }

    [Fact]
    public void Other_configurations_names_shapes_types_and_weights_differ()
    {
        string[] prints =
        [
            Fingerprint(Config, Safetensors.Of(("a", "U8", [2, 2], [1, 2, 3, 4]))),
            Fingerprint(Config + " ", Safetensors.Of(("a", "U8", [2, 2], [1, 2, 3, 4]))),
            Fingerprint(Config, Safetensors.Of(("b", "U8", [2, 2], [1, 2, 3, 4]))),
            Fingerprint(Config, Safetensors.Of(("a", "U8", [4, 1], [1, 2, 3, 4]))),
            Fingerprint(Config, Safetensors.Of(("a", "I8", [2, 2], [1, 2, 3, 4]))),
            Fingerprint(Config, Safetensors.Of(("a", "U8", [2, 2], [1, 2, 3, 5]))),
            Fingerprint(Config, Safetensors.Of(("a", "U8", [2], [1, 2]), ("b", "U8", [2], [3, 4]))),
            Fingerprint(Config, Safetensors.Of(("b", "U8", [2], [1, 2]), ("a", "U8", [2], [3, 4]))),
        ];

        prints.Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void Golden_models_all_differ()
    {
        GoldenModels.Names.Select(name => ModelFingerprint.Compute(GoldenModels.PathOf(name))).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void A_folder_without_configuration_is_refused()
    {
        using TemporaryFolder folder = new TemporaryFolder().With("model.safetensors", Safetensors.Of(("a", "U8", [1], [1])));

        Action act = () => ModelFingerprint.Compute(folder.Path);

        act.Should().Throw<ModelFormatException>().WithMessage("*config.json*missing*");
    }

    private static string Fingerprint(string config, byte[] weights)
    {
        using TemporaryFolder folder = new TemporaryFolder().With("config.json", config).With("model.safetensors", weights);
        return ModelFingerprint.Compute(folder.Path);
    }
}
