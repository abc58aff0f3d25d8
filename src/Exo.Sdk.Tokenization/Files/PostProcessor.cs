using Exo.Sdk.Tokenization.Json;

namespace Exo.Sdk.Tokenization.Files;

/// <summary>The ids that stand before and behind a text.</summary>
/// <param name="Prefix">Before it.</param>
/// <param name="Suffix">Behind it.</param>
internal sealed record PostProcessor(IReadOnlyList<int> Prefix, IReadOnlyList<int> Suffix)
{
    private const int MaxDepth = 16;

    /// <summary>Reads the post-processor of a <c>tokenizer.json</c>.</summary>
    public static PostProcessor Read(JsonCursor json, AddedTokenTable tokens, int depth = 0)
    {
        PostProcessor none = new([], []);
        if (!json.Exists)
        {
            return none;
        }

        string type = json["type"].String();
        switch (type)
        {
            case "ByteLevel":
                // It only trims offsets.
                return none;
            case "TemplateProcessing":
                return ReadTemplate(json, tokens);
            case "Sequence" when depth < MaxDepth:
                foreach (JsonCursor item in json["processors"].Items())
                {
                    PostProcessor inner = Read(item, tokens, depth + 1);
                    none = new([.. inner.Prefix, .. none.Prefix], [.. none.Suffix, .. inner.Suffix]);
                }

                return none;
            default:
                throw json.Unsupported($"post-processor '{type}'", "Sequence", "ByteLevel", "TemplateProcessing");
        }
    }

    /// <summary>What <c>add_bos_token</c> and <c>add_eos_token</c> make of it, where they are set.</summary>
    public PostProcessor With(TokenizerSettings settings, int? begin, int? end)
    {
        List<int> prefix = [.. Prefix], suffix = [.. Suffix];
        if (begin is { } b && settings.AddsBegin is { } addsBegin && addsBegin != (prefix.Count > 0 && prefix[0] == b))
        {
            if (addsBegin)
            {
                prefix.Insert(0, b);
            }
            else
            {
                prefix.Remove(b);
            }
        }

        if (end is { } e && settings.AddsEnd is { } addsEnd && addsEnd != (suffix.Count > 0 && suffix[^1] == e))
        {
            if (addsEnd)
            {
                suffix.Add(e);
            }
            else
            {
                suffix.Remove(e);
            }
        }

        return new(prefix, suffix);
    }

    private static PostProcessor ReadTemplate(JsonCursor json, AddedTokenTable tokens)
    {
        List<int> prefix = [], suffix = [];
        List<int> side = prefix;
        bool seen = false;
        foreach (JsonCursor item in json["single"].Items())
        {
            if (item["Sequence"].Exists)
            {
                if (seen || item["Sequence"]["id"].String() != "A")
                {
                    throw item.Fail("the template names a text it is not given", "the sequence A, once");
                }

                seen = true;
                side = suffix;
                continue;
            }

            string name = item["SpecialToken"]["id"].String();
            JsonCursor entry = json["special_tokens"][name]["ids"];
            int[] ids = [.. entry.Items().Select(static i => i.Index())];
            side.AddRange(ids.Length > 0 ? ids : [tokens.Find(name) ?? throw entry.Fail("the template names an unknown token", "its ids")]);
        }

        return seen ? new(prefix, suffix) : throw json["single"].Fail("the template has no place for the text", "the sequence A");
    }
}
