using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Exo.Architecture.Tests;

/// <summary>Finds the types of an assembly that a type of the same assembly names anywhere in its compiled form.</summary>
internal sealed class TypeNames(MetadataReader metadata) : ISignatureTypeProvider<ImmutableArray<TypeDefinitionHandle>, object?>
{
    private static readonly Dictionary<int, OperandType> Operands = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value & 0xffff, code => code.OperandType);

    /// <summary>The types that a type names.</summary>
    /// <param name="handle">The type.</param>
    /// <param name="image">The assembly's bytes, for the bodies of methods.</param>
    public HashSet<TypeDefinitionHandle> UsedBy(TypeDefinitionHandle handle, PEReader image)
    {
        HashSet<TypeDefinitionHandle> used = [];
        TypeDefinition type = metadata.GetTypeDefinition(handle);
        used.UnionWith(Of(type.BaseType));
        AddAttributes(used, type.GetCustomAttributes());
        AddConstraints(used, type.GetGenericParameters());
        foreach (InterfaceImplementationHandle implementation in type.GetInterfaceImplementations())
        {
            used.UnionWith(Of(metadata.GetInterfaceImplementation(implementation).Interface));
        }

        foreach (FieldDefinitionHandle field in type.GetFields())
        {
            used.UnionWith(metadata.GetFieldDefinition(field).DecodeSignature(this, null));
            AddAttributes(used, metadata.GetFieldDefinition(field).GetCustomAttributes());
        }

        foreach (PropertyDefinitionHandle property in type.GetProperties())
        {
            AddAttributes(used, metadata.GetPropertyDefinition(property).GetCustomAttributes());
        }

        foreach (MethodDefinitionHandle member in type.GetMethods())
        {
            MethodDefinition method = metadata.GetMethodDefinition(member);
            AddSignature(used, method.DecodeSignature(this, null));
            AddAttributes(used, method.GetCustomAttributes());
            AddConstraints(used, method.GetGenericParameters());
            foreach (ParameterHandle parameter in method.GetParameters())
            {
                AddAttributes(used, metadata.GetParameter(parameter).GetCustomAttributes());
            }

            if (method.RelativeVirtualAddress != 0)
            {
                AddBody(used, image.GetMethodBody(method.RelativeVirtualAddress));
            }
        }

        return used;
    }

    private void AddBody(HashSet<TypeDefinitionHandle> used, MethodBodyBlock body)
    {
        if (!body.LocalSignature.IsNil)
        {
            foreach (ImmutableArray<TypeDefinitionHandle> local in metadata.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(this, null))
            {
                used.UnionWith(local);
            }
        }

        foreach (ExceptionRegion region in body.ExceptionRegions)
        {
            used.UnionWith(Of(region.CatchType));
        }

        BlobReader code = body.GetILReader();
        while (code.RemainingBytes > 0)
        {
            int value = code.ReadByte();
            value = value == 0xfe ? 0xfe00 | code.ReadByte() : value;
            switch (Operands[value])
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineType or OperandType.InlineTok or OperandType.InlineSig:
                    used.UnionWith(Of(MetadataTokens.EntityHandle(code.ReadInt32())));
                    break;
                case OperandType.InlineSwitch:
                    int cases = code.ReadInt32();
                    code.Offset += 4 * cases;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    code.Offset += 8;
                    break;
                case OperandType.InlineI or OperandType.InlineBrTarget or OperandType.InlineString or OperandType.ShortInlineR:
                    code.Offset += 4;
                    break;
                case OperandType.InlineVar:
                    code.Offset += 2;
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    code.Offset += 1;
                    break;
            }
        }
    }

    /// <summary>The types that a token names: those of this assembly itself, and those in signatures and type arguments.</summary>
    private ImmutableArray<TypeDefinitionHandle> Of(EntityHandle handle)
    {
        if (handle.IsNil)
        {
            return [];
        }

        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition:
                return [(TypeDefinitionHandle)handle];
            case HandleKind.TypeSpecification:
                return metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(this, null);
            case HandleKind.MethodDefinition:
                return [metadata.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType()];
            case HandleKind.FieldDefinition:
                return [metadata.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType()];
            case HandleKind.MemberReference:
                return Of(metadata.GetMemberReference((MemberReferenceHandle)handle).Parent);
            case HandleKind.MethodSpecification:
                MethodSpecification method = metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                return [.. Of(method.Method), .. method.DecodeSignature(this, null).SelectMany(static argument => argument)];
            case HandleKind.StandaloneSignature:
                HashSet<TypeDefinitionHandle> used = [];
                AddSignature(used, metadata.GetStandaloneSignature((StandaloneSignatureHandle)handle).DecodeMethodSignature(this, null));
                return [.. used];
            default:
                return [];
        }
    }

    private static void AddSignature(HashSet<TypeDefinitionHandle> used, MethodSignature<ImmutableArray<TypeDefinitionHandle>> signature)
    {
        used.UnionWith(signature.ReturnType);
        foreach (ImmutableArray<TypeDefinitionHandle> parameter in signature.ParameterTypes)
        {
            used.UnionWith(parameter);
        }
    }

    private void AddConstraints(HashSet<TypeDefinitionHandle> used, GenericParameterHandleCollection parameters)
    {
        foreach (GenericParameterHandle parameter in parameters)
        {
            foreach (GenericParameterConstraintHandle constraint in metadata.GetGenericParameter(parameter).GetConstraints())
            {
                used.UnionWith(Of(metadata.GetGenericParameterConstraint(constraint).Type));
            }
        }
    }

    private void AddAttributes(HashSet<TypeDefinitionHandle> used, CustomAttributeHandleCollection attributes)
    {
        foreach (CustomAttributeHandle attribute in attributes)
        {
            used.UnionWith(Of(metadata.GetCustomAttribute(attribute).Constructor));
        }
    }

    ImmutableArray<TypeDefinitionHandle> ISimpleTypeProvider<ImmutableArray<TypeDefinitionHandle>>.GetPrimitiveType(PrimitiveTypeCode typeCode) => [];

    ImmutableArray<TypeDefinitionHandle> ISimpleTypeProvider<ImmutableArray<TypeDefinitionHandle>>.GetTypeFromDefinition(
        MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => [handle];

    ImmutableArray<TypeDefinitionHandle> ISimpleTypeProvider<ImmutableArray<TypeDefinitionHandle>>.GetTypeFromReference(
        MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => [];

    ImmutableArray<TypeDefinitionHandle> ISignatureTypeProvider<ImmutableArray<TypeDefinitionHandle>, object?>.GetTypeFromSpecification(
        MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) => Of(handle);

    ImmutableArray<TypeDefinitionHandle> ISZArrayTypeProvider<ImmutableArray<TypeDefinitionHandle>>.GetSZArrayType(
        ImmutableArray<TypeDefinitionHandle> elementType) => elementType;

    ImmutableArray<TypeDefinitionHandle> IConstructedTypeProvider<ImmutableArray<TypeDefinitionHandle>>.GetArrayType(
        ImmutableArray<TypeDefinitionHandle> elementType, ArrayShape shape) => elementType;

    ImmutableArray<TypeDefinitionHandle> IConstructedTypeProvider<ImmutableArray<TypeDefinitionHandle>>.GetByReferenceType(
        ImmutableArray<TypeDefinitionHandle> elementType) => elementType;

    ImmutableArray<TypeDefinitionHandle> IConstructedTypeProvider<ImmutableArray<TypeDefinitionHandle>>.GetPointerType(
        ImmutableArray<TypeDefinitionHandle> elementType) => elementType;

    ImmutableArray<TypeDefinitionHandle> IConstructedTypeProvider<ImmutableArray<TypeDefinitionHandle>>.GetGenericInstantiation(
        ImmutableArray<TypeDefinitionHandle> genericType, ImmutableArray<ImmutableArray<TypeDefinitionHandle>> typeArguments) =>
        [.. genericType, .. typeArguments.SelectMany(static argument => argument)];

    ImmutableArray<TypeDefinitionHandle> ISignatureTypeProvider<ImmutableArray<TypeDefinitionHandle>, object?>.GetFunctionPointerType(
        MethodSignature<ImmutableArray<TypeDefinitionHandle>> signature)
    {
        HashSet<TypeDefinitionHandle> used = [];
        AddSignature(used, signature);
        return [.. used];
    }

    ImmutableArray<TypeDefinitionHandle> ISignatureTypeProvider<ImmutableArray<TypeDefinitionHandle>, object?>.GetGenericMethodParameter(
        object? genericContext, int index) => [];

    ImmutableArray<TypeDefinitionHandle> ISignatureTypeProvider<ImmutableArray<TypeDefinitionHandle>, object?>.GetGenericTypeParameter(
        object? genericContext, int index) => [];

    ImmutableArray<TypeDefinitionHandle> ISignatureTypeProvider<ImmutableArray<TypeDefinitionHandle>, object?>.GetModifiedType(
        ImmutableArray<TypeDefinitionHandle> modifier, ImmutableArray<TypeDefinitionHandle> unmodifiedType, bool isRequired) => [.. modifier, .. unmodifiedType];

    ImmutableArray<TypeDefinitionHandle> ISignatureTypeProvider<ImmutableArray<TypeDefinitionHandle>, object?>.GetPinnedType(
        ImmutableArray<TypeDefinitionHandle> elementType) => elementType;
}
