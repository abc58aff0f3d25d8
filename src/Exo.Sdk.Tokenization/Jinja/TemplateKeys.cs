namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>
/// Which keys of a dictionary are the same: those that are equal in Python, 1, 1.0 and true among them. Hashes are
/// seeded by the process, so that no template can choose keys that collide.
/// </summary>
internal sealed class TemplateKeys : IEqualityComparer<TemplateValue>
{
    private TemplateKeys()
    {
    }

    public static TemplateKeys Instance { get; } = new();

    /// <summary>Whether a value may be a key: it cannot change, and neither can its parts.</summary>
    public static bool IsKey(TemplateValue value) => value switch
    {
        ListValue list => list.IsTuple && list.Items.All(IsKey),
        MapValue => false,
        _ => true,
    };

    /// <summary>A value that may be a key.</summary>
    /// <exception cref="TemplateError">It may not.</exception>
    public static TemplateValue Require(TemplateValue value) => IsKey(value) ? value : throw new TemplateError($"a {value.Kind} cannot be a key");

    /// <inheritdoc/>
    public bool Equals(TemplateValue? x, TemplateValue? y) => ReferenceEquals(x, y) || (x is not null && y is not null && TemplateOperators.AreEqual(x, y));

    /// <inheritdoc/>
    public int GetHashCode(TemplateValue value)
    {
        switch (value)
        {
            case TextValue text:
                return text.Value.GetHashCode(StringComparison.Ordinal);
            case IntValue or BoolValue:
                return HashCode.Combine(TemplateArithmetic.Whole(value));
            case FloatValue number when !double.IsNaN(number.Value):
                return TemplateArithmetic.AsWhole(number.Value) is { } whole ? HashCode.Combine((long?)whole) : HashCode.Combine(number.Value);
            case ListValue tuple:
                HashCode hash = default;
                foreach (TemplateValue item in tuple.Items)
                {
                    hash.Add(GetHashCode(item));
                }

                return hash.ToHashCode();
            case UndefinedValue:
                return 1;
            default:
                // What equals nothing but itself, NaN among them.
                return System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(value);
        }
    }
}
