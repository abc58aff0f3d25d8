using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Exo.Sdk.Input;

namespace Exo.Sdk.Models;

/// <summary>
/// A digest by which nodes check that they hold the same model. It covers <c>config.json</c>, every tensor's name, type, shape and place,
/// and 64 bytes from the middle of each tensor, because a fine-tuned model has the same configuration and shapes as its origin. It reads
/// kilobytes, not the weights: it finds mistakes, it is no proof against someone who forges a file. Stateless and thread-safe.
/// </summary>
public static class ModelFingerprint
{
    private const int SampleBytes = 64;

    /// <summary>Computes the fingerprint of a model folder. Names of files do not enter.</summary>
    /// <param name="modelFolder">The folder.</param>
    /// <returns>A SHA-256 digest as 64 lower-case hexadecimal digits.</returns>
    /// <exception cref="ModelFormatException">A file is missing, unreadable, damaged or hostile.</exception>
    public static string Compute(string modelFolder)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelFolder);
        using SafetensorsWeightSource weights = SafetensorsWeightSource.Open(modelFolder);
        return Compute(modelFolder, weights);
    }

    /// <summary>Computes the fingerprint of a model folder whose weights are open already.</summary>
    /// <param name="modelFolder">The folder.</param>
    /// <param name="weights">The folder's weights.</param>
    /// <returns>A SHA-256 digest as 64 lower-case hexadecimal digits.</returns>
    /// <exception cref="ModelFormatException">A file is missing, unreadable or was changed.</exception>
    public static string Compute(string modelFolder, SafetensorsWeightSource weights)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelFolder);
        ArgumentNullException.ThrowIfNull(weights);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendPart(hash, BoundedFile.ReadAll(Path.Combine(modelFolder, "config.json"), ConfigObject.MaxFileBytes));
        Span<byte> sample = stackalloc byte[SampleBytes];
        foreach (SafetensorsFile file in weights.Files)
        {
            AppendNumber(hash, file.Length);
            foreach (StoredTensor tensor in file.Tensors)
            {
                AppendPart(hash, Encoding.UTF8.GetBytes(tensor.Info.Name));
                AppendNumber(hash, (int)tensor.Info.Type);
                AppendNumber(hash, tensor.Info.Shape.Length);
                foreach (int dimension in tensor.Info.Shape)
                {
                    AppendNumber(hash, dimension);
                }

                AppendNumber(hash, tensor.Offset);
                Span<byte> middle = sample[..(int)Math.Min(SampleBytes, tensor.ByteCount)];
                file.Read(tensor.Offset + ((tensor.ByteCount - middle.Length) / 2), middle);
                AppendPart(hash, middle);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // Every part carries its length, so that no two different lists of parts are the same stream of bytes.
    private static void AppendPart(IncrementalHash hash, ReadOnlySpan<byte> part)
    {
        AppendNumber(hash, part.Length);
        hash.AppendData(part);
    }

    private static void AppendNumber(IncrementalHash hash, long number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }
}
