using System.Text;
using System.Text.Json;
using Exo.Sdk.Input;
using Exo.Sdk.Tokenization.Jinja;
using Exo.Sdk.Tokenization.Json;

namespace Exo.Sdk.Tokenization.Files;

/// <summary>The chat templates of a model folder.</summary>
/// <param name="File">The file they come from.</param>
/// <param name="Templates">The templates by name.</param>
/// <param name="SpecialTokens">The special tokens they may name.</param>
internal sealed record ChatTemplateFile(
    string File,
    IReadOnlyDictionary<string, IReadOnlyList<TemplateStatement>> Templates,
    IReadOnlyDictionary<string, string> SpecialTokens)
{
    private const int MaxSize = 1024 * 1024;

    /// <summary>Reads them; null where there are none.</summary>
    public static ChatTemplateFile? Read(string folder)
    {
        TokenizerSettings settings = TokenizerSettings.Read(folder);
        Dictionary<string, string> tokens = settings.SpecialTokens();
        string own = System.IO.Path.Combine(folder, "chat_template.jinja");
        Dictionary<string, IReadOnlyList<TemplateStatement>> templates = [];
        TemplateBudget budget = new();
        if (System.IO.File.Exists(own))
        {
            templates["default"] = Parse(own, null, Encoding.UTF8.GetString(BoundedFile.ReadAll(own, MaxSize)).TrimStart('\uFEFF'), budget);
            return new(own, templates, tokens);
        }

        JsonCursor json = settings.ChatTemplate;
        if (!json.Exists)
        {
            return null;
        }

        if (json.Element.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonCursor named in json.Items())
            {
                JsonCursor template = named["template"];
                templates[named["name"].String()] = Parse(json.File, template.Path, template.String(), budget);
            }
        }
        else
        {
            templates["default"] = Parse(json.File, json.Path, json.String(), budget);
        }

        return new(json.File, templates, tokens);
    }

    /// <summary>Parses a template.</summary>
    /// <param name="file">The file it is in.</param>
    /// <param name="path">Where it is in the file; null where it is all of it.</param>
    /// <param name="source">The template.</param>
    /// <param name="budget">What all templates of the file may cost.</param>
    /// <exception cref="ModelFormatException">It is malformed or uses what is not supported.</exception>
    public static IReadOnlyList<TemplateStatement> Parse(string file, string? path, string source, TemplateBudget budget)
    {
        if (source.Length > MaxSize)
        {
            throw new ModelFormatException(file, "a chat template is too long", $"at most {MaxSize} characters", $"{source.Length}", path);
        }

        try
        {
            return TemplateParser.Parse(source, budget);
        }
        catch (Exception e) when (e is FormatException or TemplateError)
        {
            throw new ModelFormatException(file, $"a chat template cannot be read: {e.Message}", tensor: path, innerException: e);
        }
    }
}
