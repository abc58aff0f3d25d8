using System.Globalization;
using System.Text;

namespace Exo.Sdk;

/// <summary>A file of a model folder is damaged, hostile or not of the form it claims.</summary>
public sealed class ModelFormatException : ExoException
{
    /// <summary>Creates the error.</summary>
    /// <param name="file">The file's path.</param>
    /// <param name="problem">What is wrong, as a short phrase.</param>
    /// <param name="expected">What a sound file would hold.</param>
    /// <param name="found">What this file holds.</param>
    /// <param name="tensor">The tensor, or the JSON path, that the problem is at.</param>
    /// <param name="offset">The byte offset in the file.</param>
    /// <param name="innerException">The error behind it, if any.</param>
    public ModelFormatException(
        string file,
        string problem,
        string? expected = null,
        string? found = null,
        string? tensor = null,
        long? offset = null,
        Exception? innerException = null)
        : base(Compose(file, problem, expected, found, tensor, offset), innerException)
    {
        File = file;
        Problem = problem;
        Expected = expected;
        Found = found;
        Tensor = tensor;
        Offset = offset;
    }

    /// <summary>The file's path.</summary>
    public string File { get; }

    /// <summary>What is wrong, as a short phrase.</summary>
    public string Problem { get; }

    /// <summary>The tensor, or the JSON path, that the problem is at.</summary>
    public string? Tensor { get; }

    /// <summary>The byte offset in the file.</summary>
    public long? Offset { get; }

    /// <summary>What a sound file would hold.</summary>
    public string? Expected { get; }

    /// <summary>What this file holds.</summary>
    public string? Found { get; }

    private static string Compose(string file, string problem, string? expected, string? found, string? tensor, long? offset)
    {
        StringBuilder text = new();
        text.Append(file);
        if (offset is { } at)
        {
            text.Append(CultureInfo.InvariantCulture, $" at offset {at}");
        }

        if (tensor is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $" ({tensor})");
        }

        text.Append(": ").Append(problem);
        if (expected is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"; expected {expected}");
        }

        if (found is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"{(expected is null ? ";" : ",")} found {found}");
        }

        return text.Append('.').ToString();
    }
}

/// <summary>The model's architecture, activation, rope kind or quantization is not one this version can run.</summary>
public sealed class UnsupportedModelException : ExoException
{
    /// <summary>Creates the error.</summary>
    /// <param name="feature">What is asked for, for example <c>architecture 'FooForCausalLM'</c>.</param>
    /// <param name="supported">What is supported instead.</param>
    public UnsupportedModelException(string feature, IReadOnlyList<string> supported)
        : base($"Unsupported {feature}. Supported: {string.Join(", ", supported)}.")
    {
        Feature = feature;
        Supported = supported;
    }

    /// <summary>What was asked for.</summary>
    public string Feature { get; }

    /// <summary>What is supported instead.</summary>
    public IReadOnlyList<string> Supported { get; }
}

/// <summary>No plan places the model on the given machines.</summary>
public sealed class PlanRefusedException : ExoException
{
    /// <summary>Creates the error.</summary>
    /// <param name="reasons">Why each way of placing the model was refused, and what would help.</param>
    public PlanRefusedException(IReadOnlyList<string> reasons)
        : base($"The model cannot be placed: {string.Join("; ", reasons)}.") => Reasons = reasons;

    /// <summary>Why each way of placing the model was refused, and what would help.</summary>
    public IReadOnlyList<string> Reasons { get; }
}
