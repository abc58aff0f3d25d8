using System.Text.Json;
using Exo.Sdk.Input;

namespace Exo.Sdk.Models;

/// <summary>Finds the safetensors files of a model folder and which tensor is in which.</summary>
internal static class SafetensorsFolder
{
    private const string SingleName = "model.safetensors";
    private const string IndexName = "model.safetensors.index.json";

    /// <summary>Opens the folder's files, in the order of their names.</summary>
    public static List<SafetensorsFile> Open(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new ModelFormatException(folder, "the model folder is missing", "a folder", "none");
        }

        string single = Path.Combine(folder, SingleName);
        if (File.Exists(single))
        {
            return [SafetensorsFile.Open(single)];
        }

        string index = Path.Combine(folder, IndexName);
        return File.Exists(index) ? OpenIndexed(folder, index) : [SafetensorsFile.Open(OnlyFile(folder))];
    }

    private static string OnlyFile(string folder)
    {
        string[] files = Directory.GetFiles(folder, "*.safetensors");
        if (files.Length == 1)
        {
            return files[0];
        }

        string found = files.Length == 0 ? "no safetensors file" : $"{files.Length} safetensors files without an index";
        throw new ModelFormatException(folder, "the folder's weights are not clear", $"{SingleName} or {IndexName}", found);
    }

    private static List<SafetensorsFile> OpenIndexed(string folder, string indexPath)
    {
        Dictionary<string, string> fileOf = ReadWeightMap(indexPath);
        List<SafetensorsFile> files = [];
        try
        {
            foreach (string name in fileOf.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            {
                string path = Path.Combine(folder, name);
                if (!File.Exists(path))
                {
                    throw new ModelFormatException(indexPath, "a file of the index is missing", $"the file {HostileText.Quote(name)}", "none");
                }

                files.Add(SafetensorsFile.Open(path));
            }

            RequireAgreement(indexPath, fileOf, files);
            return files;
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    // Tensors that the index does not name are kept: the file that holds them is part of the model.
    private static void RequireAgreement(string indexPath, Dictionary<string, string> fileOf, List<SafetensorsFile> files)
    {
        Dictionary<string, string> foundIn = new(StringComparer.Ordinal);
        foreach (SafetensorsFile file in files)
        {
            foreach (StoredTensor tensor in file.Tensors)
            {
                if (!foundIn.TryAdd(tensor.Info.Name, Path.GetFileName(file.Path)))
                {
                    throw new ModelFormatException(
                        file.Path, "the tensor is in two files of the model", "it once", $"it in {foundIn[tensor.Info.Name]} too",
                        HostileText.Quote(tensor.Info.Name), tensor.Offset);
                }
            }
        }

        foreach ((string tensor, string file) in fileOf)
        {
            string? actual = foundIn.GetValueOrDefault(tensor);
            if (actual != file)
            {
                throw new ModelFormatException(
                    indexPath, "a tensor is not in the file that the index names", file, actual ?? "it in none", HostileText.Quote(tensor));
            }
        }
    }

    private static Dictionary<string, string> ReadWeightMap(string path)
    {
        byte[] text = BoundedFile.ReadAll(path, SafetensorsHeader.MaxBytes);
        HostileJson.RequireText(text, path, offset: 0);
        Utf8JsonReader json = new(text, new JsonReaderOptions { MaxDepth = 16 });
        try
        {
            Dictionary<string, string>? map = null;
            json.Read();
            if (json.TokenType != JsonTokenType.StartObject)
            {
                throw new ModelFormatException(path, "the index has another form", "an object", json.TokenType.ToString(), offset: 0);
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                if (!json.ValueTextEquals("weight_map"u8))
                {
                    json.Skip();
                    continue;
                }

                if (map is not null)
                {
                    throw new ModelFormatException(path, "the name occurs twice", "it once", "a second one", "weight_map", json.TokenStartIndex);
                }

                map = ReadFileNames(ref json, path);
            }

            json.Read(); // Throws where anything but white space follows the object.
            return map is { Count: > 0 }
                ? map
                : throw new ModelFormatException(path, "the index names no tensors", "entries", "none", "weight_map");
        }
        catch (JsonException error)
        {
            throw HostileJson.Malformed(path, error, json.TokenStartIndex);
        }
    }

    private static Dictionary<string, string> ReadFileNames(ref Utf8JsonReader json, string path)
    {
        Dictionary<string, string> map = new(StringComparer.Ordinal);
        Dictionary<string, string> known = new(StringComparer.Ordinal);
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject)
        {
            throw new ModelFormatException(path, "the index has another form", "an object", json.TokenType.ToString(), "weight_map", json.TokenStartIndex);
        }

        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string tensor = json.GetString()!;
            json.Read();
            if (json.TokenType != JsonTokenType.String)
            {
                throw new ModelFormatException(
                    path, "a file name has another form", "a string", json.TokenType.ToString(), HostileText.Quote(tensor), json.TokenStartIndex);
            }

            string file = json.GetString()!;
            RequireNameInsideFolder(path, tensor, file, json.TokenStartIndex);
            known.TryAdd(file, file);
            if (!map.TryAdd(tensor, known[file]))
            {
                throw new ModelFormatException(
                    path, "the name occurs twice", "it once", "a second one", HostileText.Quote(tensor), json.TokenStartIndex);
            }
        }

        return map;
    }

    // A link inside the folder may lead out of it, as in the download cache of the Hugging Face hub; a name may not.
    private static void RequireNameInsideFolder(string path, string tensor, string file, long offset)
    {
        bool isPlain = file.EndsWith(".safetensors", StringComparison.Ordinal)
            && file.AsSpan().IndexOfAny("/\\:\0") < 0
            && !file.StartsWith('.');
        if (!isPlain)
        {
            throw new ModelFormatException(
                path, "the index names a file outside the folder or of another kind", "a plain *.safetensors name", HostileText.Quote(file),
                HostileText.Quote(tensor), offset);
        }
    }
}
