using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Exo.Sdk.Input;
using Exo.Sdk.Models.Families;

namespace Exo.Sdk.Control;

/// <summary>How a child process makes a backend, a transport or a model family like the parent's.</summary>
/// <param name="Type">The type's assembly-qualified name.</param>
/// <param name="Options">What <see cref="IChildProcessPart.DescribeOptions"/> gave; empty for none.</param>
internal sealed record PartRecipe(string Type, string Options)
{
    /// <summary>Why a child process cannot have a part, as a clause; null where it can.</summary>
    public static string? Refusal(object part) => part switch
    {
        IModelFamily family => Missing(TypeOf(family)),
        IChildProcessPart child => Missing(TypeOf(child)),
        _ => $"the type {part.GetType().Name} does not say what its options are, which a child process would lose: implement "
            + $"{nameof(IChildProcessPart)} (a type without options takes it by name alone), or host the ranks in this process",
    };

    /// <summary>The recipe of a part that <see cref="Refusal"/> lets pass.</summary>
    /// <exception cref="ConfigurationException">It describes itself at too great a length.</exception>
    public static PartRecipe Of(object part)
    {
        string options = part is IChildProcessPart child ? child.DescribeOptions() : "";
        return options.Length <= IChildProcessPart.MaxDescriptionLength
            ? new PartRecipe(part.GetType().AssemblyQualifiedName!, options)
            : throw new ConfigurationException(
                $"{part.GetType().Name} describes its options in {options.Length} characters; at most {IChildProcessPart.MaxDescriptionLength} reach a child process.");
    }

    /// <summary>Makes the part. Nothing is constructed that is not of the kind.</summary>
    /// <typeparam name="T">The kind: a backend, a transport or a family.</typeparam>
    /// <exception cref="UnavailableException">The type cannot be loaded here, is of another kind, or has no such constructor.</exception>
    /// <exception cref="ConfigurationException">The part does not take the options.</exception>
    [UnconditionalSuppressMessage("Trimming", "IL2072", Justification = "Both interfaces keep the constructor of every type that implements them.")]
    public T Make<T>()
        where T : class
    {
        Type type = Find() ?? throw new UnavailableException($"The type {HostileText.Quote(Type)} cannot be loaded in the child process.");
        if (!type.IsAssignableTo(typeof(T)) || !(type.IsAssignableTo(typeof(IModelFamily)) || type.IsAssignableTo(typeof(IChildProcessPart))))
        {
            throw new UnavailableException($"{Type} cannot be made in a child process: it is no {typeof(T).Name} for one.");
        }

        try
        {
            object part = Activator.CreateInstance(type)!;
            return (T)(part is IChildProcessPart child ? child.WithOptions(Options) : part);
        }
        catch (Exception error) when (error is MissingMethodException or MemberAccessException or InvalidCastException or TargetInvocationException)
        {
            throw new UnavailableException(
                $"{Type} cannot be made in a child process: {(error is TargetInvocationException { InnerException: { } inner } ? inner : error).Message}", error);
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2057", Justification = "Only types that the parent, the same program, has made are named.")]
    private Type? Find()
    {
        try
        {
            return System.Type.GetType(Type);
        }
        catch (Exception error) when (error is ArgumentException or TypeLoadException or IOException or BadImageFormatException)
        {
            return null;
        }
    }

    // The annotations of both interfaces hold for GetType of what is declared to be one, not of what is cast to it.
    [return: DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)]
    private static Type TypeOf(IModelFamily family) => family.GetType();

    [return: DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)]
    private static Type TypeOf(IChildProcessPart part) => part.GetType();

    private static string? Missing([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] Type type) =>
        !type.IsAbstract && type.GetConstructor(System.Type.EmptyTypes) is not null
            ? null
            : $"the type {type.Name} has no public constructor without parameters, with which a child process makes its own: add one, or host the ranks in this process";
}
