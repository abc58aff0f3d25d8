using System.Text.Json;
using Exo.Sdk.Tokenization.Files;
using Exo.Sdk.Tokenization.Jinja;

namespace Exo.Sdk.Tokenization;

/// <summary>
/// The chat template of a model: turns a conversation into the text that the model was trained to continue. Templates
/// are in the Jinja language; a hand-written interpreter runs the part of it that chat templates use, under bounds on
/// steps, bytes and depth, and a template can reach nothing but the values it is given. Immutable and safe for
/// concurrent use.
/// </summary>
public sealed class ChatTemplate
{
    private const string Default = "default";
    private const string ToolUse = "tool_use";

    private readonly string _file;
    private readonly IReadOnlyDictionary<string, IReadOnlyList<TemplateStatement>> _templates;
    private readonly IReadOnlyDictionary<string, string> _specialTokens;
    private readonly TimeProvider _time;

    private ChatTemplate(
        string file,
        IReadOnlyDictionary<string, IReadOnlyList<TemplateStatement>> templates,
        IReadOnlyDictionary<string, string> specialTokens,
        TimeProvider? time)
    {
        _file = file;
        _templates = templates;
        _specialTokens = specialTokens;
        _time = time ?? TimeProvider.System;
    }

    /// <summary>Loads the chat template of a model folder.</summary>
    /// <param name="modelFolder">
    /// The folder: <c>chat_template.jinja</c>, or the <c>chat_template</c> of <c>tokenizer_config.json</c>, which may be one
    /// template or a list of named ones (<c>default</c>, and <c>tool_use</c> for when tools are given).
    /// </param>
    /// <param name="timeProvider">Where templates that print the date take it from; the system's clock by default.</param>
    /// <returns>The template, or null where the model has none.</returns>
    /// <exception cref="ModelFormatException">A template is malformed or uses what is not supported.</exception>
    public static ChatTemplate? Load(string modelFolder, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(modelFolder);
        ChatTemplateFile? file = ChatTemplateFile.Read(modelFolder);
        return file is null ? null : new(file.File, file.Templates, file.SpecialTokens, timeProvider);
    }

    /// <summary>Makes a template of its source.</summary>
    /// <param name="source">The template.</param>
    /// <param name="specialTokens">The special tokens it may name, for example <c>bos_token</c>.</param>
    /// <param name="timeProvider">Where it takes the date from; the system's clock by default.</param>
    /// <exception cref="ModelFormatException">The template is malformed or uses what is not supported.</exception>
    public static ChatTemplate Parse(string source, IReadOnlyDictionary<string, string>? specialTokens = null, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        const string Name = "chat template";
        return new(
            Name,
            new Dictionary<string, IReadOnlyList<TemplateStatement>> { [Default] = ChatTemplateFile.Parse(Name, null, source, new TemplateBudget()) },
            specialTokens ?? new Dictionary<string, string>(),
            timeProvider);
    }

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The messages, the oldest first.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the beginning of the assistant's answer.</param>
    /// <param name="tools">The tools the model may call, each a JSON schema.</param>
    /// <param name="variables">Further variables of the template, for example <c>enable_thinking</c>.</param>
    /// <returns>
    /// The text in segments, for <see cref="Tokenizer.Encode(IReadOnlyList{TextSegment}, bool)"/>. Control segments are
    /// the template's own; whatever came in with the messages, the tools or the variables is not, through every operation
    /// of the template.
    /// </returns>
    /// <exception cref="TokenizationException">The template refuses the messages, cannot be run on them, or costs too much.</exception>
    public IReadOnlyList<TextSegment> Render(
        IReadOnlyList<ChatMessage> messages,
        bool addGenerationPrompt = true,
        IReadOnlyList<JsonElement>? tools = null,
        IReadOnlyDictionary<string, JsonElement>? variables = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        TemplateBudget budget = new();
        TemplateInterpreter interpreter = new(_time, budget);
        try
        {
            return [.. interpreter.Render(Choose(tools is { Count: > 0 }), Variables(messages, addGenerationPrompt, tools, variables, budget)).Runs(budget)];
        }
        catch (TemplateError e)
        {
            throw new TokenizationException(
                interpreter.Line > 0 ? $"{_file}, line {interpreter.Line}: {e.Message}." : $"{_file}: {e.Message}.", e);
        }
    }

    private IReadOnlyList<TemplateStatement> Choose(bool withTools)
    {
        if (withTools && _templates.TryGetValue(ToolUse, out IReadOnlyList<TemplateStatement>? template))
        {
            return template;
        }

        return _templates.TryGetValue(Default, out template) ? template
            : _templates.Count == 1 ? _templates.Values.First()
            : throw new TemplateError($"none of the templates {string.Join(", ", _templates.Keys)} is named '{Default}'");
    }

    private IEnumerable<(string Name, TemplateValue Value)> Variables(
        IReadOnlyList<ChatMessage> messages,
        bool addGenerationPrompt,
        IReadOnlyList<JsonElement>? tools,
        IReadOnlyDictionary<string, JsonElement>? variables,
        TemplateBudget budget)
    {
        foreach ((string name, string token) in _specialTokens)
        {
            yield return (name, new TextValue(token));
        }

        yield return ("messages", new ListValue([.. messages.Select(m => Value(m, budget))]));
        yield return ("add_generation_prompt", BoolValue.Of(addGenerationPrompt));
        yield return ("tools", tools is { Count: > 0 } ? new ListValue([.. tools.Select(t => TemplateJson.Read(t, budget))]) : NoneValue.Instance);
        yield return ("documents", NoneValue.Instance);
        foreach ((string name, JsonElement value) in variables ?? new Dictionary<string, JsonElement>())
        {
            yield return (name, TemplateJson.Read(value, budget));
        }
    }

    private static MapValue Value(ChatMessage message, TemplateBudget budget)
    {
        MapValue map = new();
        map.Set(new TextValue("role"), new TextValue(TemplateText.Foreign(message.Role)), budget);
        map.Set(new TextValue("content"), new TextValue(TemplateText.Foreign(message.Content)), budget);
        foreach ((string name, JsonElement value) in message.Fields ?? new Dictionary<string, JsonElement>())
        {
            map.Set(new TextValue(TemplateText.Foreign(name)), TemplateJson.Read(value, budget), budget);
        }

        return map;
    }
}
