using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Exo.Architecture.Tests;

/// <summary>A type of one folder that names a type of another.</summary>
/// <param name="From">The folder that depends, relative to its project.</param>
/// <param name="To">The folder that is depended on.</param>
/// <param name="User">The type that names.</param>
/// <param name="Used">The type that is named.</param>
internal sealed record FolderReference(string From, string To, string User, string Used)
{
    /// <summary>
    /// The two neighbors in one folder in which the two types lie at some depth, or null where one lies directly in a folder around the
    /// other: what is in a folder itself is the face and the vocabulary of the folders inside it, and belongs to them.
    /// </summary>
    public (string From, string To)? Neighbors
    {
        get
        {
            string[] from = Parts(From), to = Parts(To);
            int shared = from.Zip(to).TakeWhile(pair => pair.First == pair.Second).Count();
            return shared == from.Length || shared == to.Length
                ? null
                : (string.Join('/', from[..(shared + 1)]), string.Join('/', to[..(shared + 1)]));

            static string[] Parts(string folder) => folder.Split('/', StringSplitOptions.RemoveEmptyEntries);
        }
    }
}

/// <summary>
/// Which folders of a project depend on which, read from the compiled code: whatever a type names in signatures, bodies, constraints and
/// attributes counts, wherever it comes from (a <c>var</c>, an extension method, a global using). Symbols tell the file of each type.
/// Constants and <c>nameof</c> leave no trace and do not count.
/// </summary>
internal static class FolderReferences
{
    // "Type definition documents" of the portable PDB format: the files of types without executable code.
    private static readonly Guid TypeDocuments = new("932E74BC-DBA9-4478-8D46-0F32A7BAB3D3");

    /// <summary>Reads an assembly and its symbols.</summary>
    /// <param name="project">The project.</param>
    public static IReadOnlyList<FolderReference> Read(ShippedProject project)
    {
        using PEReader image = new(File.OpenRead(project.Assembly));
        using MetadataReaderProvider symbols = MetadataReaderProvider.FromPortablePdbStream(
            File.OpenRead(Path.ChangeExtension(project.Assembly, ".pdb")));
        MetadataReader metadata = image.GetMetadataReader();
        Dictionary<TypeDefinitionHandle, string> folders = Folders(metadata, symbols.GetMetadataReader(), project);
        TypeNames names = new(metadata);
        List<FolderReference> references = [];
        foreach (TypeDefinitionHandle user in metadata.TypeDefinitions)
        {
            if (!folders.TryGetValue(Outermost(metadata, user), out string? from))
            {
                continue;
            }

            foreach (TypeDefinitionHandle used in names.UsedBy(user, image))
            {
                if (folders.TryGetValue(Outermost(metadata, used), out string? to) && from != to)
                {
                    references.Add(new FolderReference(from, to, NameOf(metadata, user), NameOf(metadata, used)));
                }
            }
        }

        return [.. references.Distinct()];
    }

    /// <summary>The folder of each outermost type that is written in the project's own folder; generated code and linked files have none.</summary>
    private static Dictionary<TypeDefinitionHandle, string> Folders(MetadataReader metadata, MetadataReader symbols, ShippedProject project)
    {
        Dictionary<TypeDefinitionHandle, string> folders = [];
        foreach (TypeDefinitionHandle handle in metadata.TypeDefinitions)
        {
            IEnumerable<DocumentHandle> documents = metadata.GetTypeDefinition(handle).GetMethods()
                .Select(method => symbols.GetMethodDebugInformation(method.ToDebugInformationHandle()).Document)
                .Where(document => !document.IsNil)
                .Concat(WithoutCode(symbols, handle));
            foreach (DocumentHandle document in documents)
            {
                string path = symbols.GetString(symbols.GetDocument(document).Name).Replace('\\', '/');
                int at = path.LastIndexOf($"/src/{project.Name}/", StringComparison.Ordinal);
                if (at >= 0 && !path.Contains("/obj/", StringComparison.Ordinal))
                {
                    string inside = path[(at + project.Name.Length + 6)..];
                    folders.TryAdd(Outermost(metadata, handle), Path.GetDirectoryName(inside)!.Replace('\\', '/'));
                    break;
                }
            }
        }

        return folders;
    }

    private static IEnumerable<DocumentHandle> WithoutCode(MetadataReader symbols, TypeDefinitionHandle handle)
    {
        foreach (CustomDebugInformationHandle information in symbols.GetCustomDebugInformation(handle))
        {
            CustomDebugInformation entry = symbols.GetCustomDebugInformation(information);
            if (symbols.GetGuid(entry.Kind) == TypeDocuments)
            {
                BlobReader blob = symbols.GetBlobReader(entry.Value);
                while (blob.RemainingBytes > 0)
                {
                    yield return System.Reflection.Metadata.Ecma335.MetadataTokens.DocumentHandle(blob.ReadCompressedInteger());
                }
            }
        }
    }

    private static TypeDefinitionHandle Outermost(MetadataReader metadata, TypeDefinitionHandle handle)
    {
        while (metadata.GetTypeDefinition(handle).GetDeclaringType() is { IsNil: false } outer)
        {
            handle = outer;
        }

        return handle;
    }

    private static string NameOf(MetadataReader metadata, TypeDefinitionHandle handle) =>
        metadata.GetString(metadata.GetTypeDefinition(Outermost(metadata, handle)).Name);
}
