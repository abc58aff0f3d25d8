using System.Text;
using CsCheck;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;
using Xunit.Abstractions;

namespace Exo.Sdk.Tests.Models;

/// <summary>Damages sound model folders at random: what comes out is a model or a typed error, nothing else.</summary>
public sealed class ModelFolderFuzzTests(ITestOutputHelper output)
{
    private const int Iterations = 3000;

    /// <summary>Pieces that mean something to a JSON parser or to a reader of sizes.</summary>
    private static readonly byte[][] Pieces =
    [
        .. new[]
        {
            "-1", "0", "1e999", "1.5", "2147483648", "9223372036854775807", "18446744073709551615", "null", "true", "false", "[]", "{}", "\"", "\\", "\\ud800", ",", ":", "[", "]", "{", "}",
            "\"a\":1,", "\"dtype\":\"F32\",", "\"shape\":[0],", "\"data_offsets\":[0,0],", "../", "\0", "é",
        }.Select(Encoding.UTF8.GetBytes),
        [0xff], [0xc3], [0xed, 0xa0, 0x80],
    ];

    [Fact]
    public async Task Any_damage_gives_a_model_or_a_typed_error()
    {
        byte[][] sound = [.. SoundFiles()];
        string[] names = ["config.json", "generation_config.json", "model.safetensors.index.json", "m-1.safetensors", "m-2.safetensors"];
        using TemporaryFolder folder = new();
        int models = 0;
        int errors = 0;
        Task run = Task.Run(() => Gen.Select(Gen.Int[0, names.Length - 1], Damage.Array[1, 3]).Sample(
            (target, damages) =>
            {
                for (int i = 0; i < names.Length; i++)
                {
                    folder.With(names[i], i == target ? damages.Aggregate(sound[i], (file, damage) => damage(file)) : sound[i]);
                }

                try
                {
                    ReadEverything(folder.Path);
                    models++;
                }
                catch (ExoException)
                {
                    errors++;
                }
            },
            iter: Iterations,
            threads: 1));

        await run.WaitAsync(TimeSpan.FromMinutes(3)); // No damage may make the reader hang.
        output.WriteLine($"{Iterations} damaged folders: {models} still models, {errors} typed errors");
        models.Should().BePositive();
        errors.Should().BePositive();
    }

    /// <summary>A random change; positions are drawn as a share of the length, with the front, where headers are, preferred.</summary>
    private static Gen<Func<byte[], byte[]>> Damage { get; } = Gen.OneOf(
        Gen.Select(Where, Gen.Byte, (at, value) => new Func<byte[], byte[]>(file => Splice(file, at, 1, [value]))),
        Gen.Select(Where, Gen.Int[0, 7], (at, bit) => new Func<byte[], byte[]>(file => Flip(file, at, bit))),
        Gen.Select(Where, at => new Func<byte[], byte[]>(file => file[..At(file, at)])),
        Gen.Select(Where, Gen.Int[0, 20], Gen.Int[0, Pieces.Length - 1], (at, length, piece) => new Func<byte[], byte[]>(file => Splice(file, at, length, Pieces[piece]))),
        Gen.Select(Where, Where, Gen.Int[1, 80], (from, to, length) => new Func<byte[], byte[]>(file => Splice(file, to, 0, file.AsSpan(At(file, from)).ToArray().Take(length).ToArray()))),
        Gen.Select(Where, Gen.Char['0', '9'], (at, digit) => new Func<byte[], byte[]>(file => ReplaceDigit(file, at, (byte)digit))));

    private static Gen<double> Where => Gen.Double[0, 1].Select(share => share * share);

    private static int At(byte[] file, double where) => (int)(where * file.Length);

    private static byte[] Splice(byte[] file, double where, int removed, byte[] inserted)
    {
        if (file.Length == 0)
        {
            return inserted;
        }

        int at = Math.Min(At(file, where), file.Length - 1);
        return [.. file[..at], .. inserted, .. file[Math.Min(file.Length, at + removed)..]];
    }

    private static byte[] Flip(byte[] file, double where, int bit)
    {
        byte[] changed = [.. file];
        if (At(file, where) < file.Length)
        {
            changed[At(file, where)] ^= (byte)(1 << bit);
        }

        return changed;
    }

    private static byte[] ReplaceDigit(byte[] file, double where, byte digit)
    {
        int at = file.AsSpan(At(file, where)).IndexOfAnyInRange((byte)'0', (byte)'9');
        byte[] changed = [.. file];
        if (at >= 0)
        {
            changed[At(file, where) + at] = digit;
        }

        return changed;
    }

    private static IEnumerable<byte[]> SoundFiles()
    {
        TinyModel model = TinyModel.Of("Qwen2ForCausalLM").PackAll(4, 64);
        model.Config["quantization"]!["lm_head"] = true;
        model.Config["rope_scaling"] = new System.Text.Json.Nodes.JsonObject
        {
            ["rope_type"] = "llama3",
            ["factor"] = 8,
            ["low_freq_factor"] = 1,
            ["high_freq_factor"] = 4,
            ["original_max_position_embeddings"] = 64,
        };
        string[] tensors = [.. model.Tensors.Keys];
        yield return Encoding.UTF8.GetBytes(model.Config.ToJsonString());
        yield return Encoding.UTF8.GetBytes("""{"bos_token_id":1,"eos_token_id":[2,3]}""");
        yield return Encoding.UTF8.GetBytes($$$"""{"weight_map":{{{{string.Join(',', tensors.Select((name, i) => $"\"{name}\":\"m-{(i < 8 ? 1 : 2)}.safetensors\""))}}}}}""");
        foreach (string[] part in new[] { tensors[..8], tensors[8..] })
        {
            TinyModel half = TinyModel.Of("Qwen2ForCausalLM");
            half.Tensors.Clear();
            foreach (string name in part)
            {
                half.Tensors[name] = model.Tensors[name];
            }

            yield return half.Weights();
        }
    }

    private static void ReadEverything(string folder)
    {
        using SafetensorsWeightSource weights = SafetensorsWeightSource.Open(folder);
        ModelSpec spec = ModelSpecReader.Read(folder, weights);
        ModelFingerprint.Compute(folder, weights).Should().HaveLength(64);
        foreach (LinearSpec linear in spec.Layers.SelectMany(layer => layer.Linears).Append(spec.Embedding).Append(spec.Head))
        {
            TensorSlice slice = LinearSlices.Whole(linear).Weight;
            int bytes = slice.RowCount * slice.Columns!.Value.Count * weights.Describe(linear.WeightName).Type.SizeInBytes();
            weights.Read(linear.WeightName, slice, new byte[bytes]);
        }
    }
}
