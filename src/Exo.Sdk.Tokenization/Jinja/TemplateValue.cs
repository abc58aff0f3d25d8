namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>A value of a template. The kinds below are all there are: nothing of .NET can be reached through one.</summary>
internal abstract class TemplateValue
{
    /// <summary>Whether a condition holds for the value.</summary>
    public virtual bool IsTrue => true;

    /// <summary>What the value is called in errors.</summary>
    public abstract string Kind { get; }

    /// <summary>How many parts the value has, a text counting by its length: what it costs to walk over it.</summary>
    public virtual long Size => 1;

    /// <summary>How many parts a walk over the value's own items or characters meets, whatever is in those.</summary>
    public virtual long Breadth => 1;

    /// <summary>How deep lists and dictionaries are nested in it.</summary>
    public virtual int Nesting => 0;

    /// <summary>The nesting and size around a part; a value that could be walked over without end is refused.</summary>
    protected static (int Nesting, long Size) Around(TemplateValue part, int nesting, long size)
    {
        nesting = Math.Max(nesting, part.Nesting + 1);
        size += part.Size;
        return nesting <= TemplateBudget.MaxNesting && size <= TemplateBudget.MaxParts
            ? (nesting, size)
            : throw new TemplateError($"a value has more than {TemplateBudget.MaxParts} parts or is nested deeper than {TemplateBudget.MaxNesting}");
    }
}

/// <summary>What a name without a value gives. It prints as nothing; to look into it is an error.</summary>
internal sealed class UndefinedValue(string name) : TemplateValue
{
    public override bool IsTrue => false;

    public override string Kind => $"undefined '{name}'";
}

/// <summary><c>none</c>.</summary>
internal sealed class NoneValue : TemplateValue
{
    public static NoneValue Instance { get; } = new();

    public override bool IsTrue => false;

    public override string Kind => "none";
}

/// <summary><c>true</c> or <c>false</c>.</summary>
internal sealed class BoolValue : TemplateValue
{
    private BoolValue(bool value) => Value = value;

    public static BoolValue True { get; } = new(true);

    public static BoolValue False { get; } = new(false);

    public bool Value { get; }

    public override bool IsTrue => Value;

    public override string Kind => "boolean";

    public static BoolValue Of(bool value) => value ? True : False;
}

/// <summary>A whole number.</summary>
internal sealed class IntValue(long value) : TemplateValue
{
    public long Value => value;

    public override bool IsTrue => value != 0;

    public override string Kind => "integer";
}

/// <summary>A number with a fraction.</summary>
internal sealed class FloatValue(double value) : TemplateValue
{
    public double Value => value;

    public override bool IsTrue => value != 0;

    public override string Kind => "float";
}

/// <summary>A text.</summary>
internal sealed class TextValue(TemplateText value) : TemplateValue
{
    public TextValue(string control)
        : this(TemplateText.Control(control))
    {
    }

    public TemplateText Text => value;

    public string Value => value.Value;

    public override bool IsTrue => value.Length > 0;

    public override string Kind => "string";

    public override long Size => 1 + (value.Length / 8);

    public override long Breadth => Size;
}

/// <summary>A list or, where it cannot be told from one, a tuple.</summary>
internal sealed class ListValue : TemplateValue
{
    public ListValue(IReadOnlyList<TemplateValue> items, bool isTuple = false)
    {
        Items = items;
        IsTuple = isTuple;
        (int nesting, long size) = (1, 1);
        foreach (TemplateValue item in items)
        {
            (nesting, size) = Around(item, nesting, size);
        }

        (Nesting, Size) = (nesting, size);
    }

    public IReadOnlyList<TemplateValue> Items { get; }

    public bool IsTuple { get; }

    public override bool IsTrue => Items.Count > 0;

    public override string Kind => "list";

    public override long Breadth => 1 + Items.Count;

    public override long Size { get; }

    public override int Nesting { get; }
}

/// <summary>
/// What a filter such as <c>map</c> gives: items that can be gone through once. As in Python it is true even without
/// items, has no length and no places.
/// </summary>
internal sealed class IteratorValue(IReadOnlyList<TemplateValue> items) : TemplateValue
{
    private IReadOnlyList<TemplateValue> _items = items;

    public override string Kind => "iterator";

    public override long Breadth => 1 + _items.Count;

    /// <summary>The items, which are gone then.</summary>
    public IReadOnlyList<TemplateValue> Take()
    {
        IReadOnlyList<TemplateValue> items = _items;
        _items = [];
        return items;
    }

    /// <summary>The first item, which is gone then.</summary>
    public TemplateValue? TakeFirst()
    {
        if (_items is not [var first, ..])
        {
            return null;
        }

        _items = [.. _items.Skip(1)];
        return first;
    }
}

/// <summary>
/// A dictionary in the order its entries were put in. A key is what Python can hash, and keys that Python calls equal
/// are one: 1, 1.0 and true.
/// </summary>
internal sealed class MapValue : TemplateValue
{
    /// <summary>The memory of an entry: its places in both tables, which grow by doubling.</summary>
    public const int EntryBytes = 128;

    private readonly Dictionary<TemplateValue, int> _places = new(TemplateKeys.Instance);
    private readonly List<(TemplateValue Key, TemplateValue Value)> _entries = [];
    private long _size = 1;
    private int _nesting = 1;

    public IReadOnlyList<(TemplateValue Key, TemplateValue Value)> Entries => _entries;

    public override bool IsTrue => _entries.Count > 0;

    public override string Kind => "mapping";

    public override long Size => _size;

    public override long Breadth => 1 + _entries.Count;

    public override int Nesting => _nesting;

    /// <summary>The value of a key, or null.</summary>
    /// <exception cref="TemplateError">It can be no key.</exception>
    public TemplateValue? Find(TemplateValue key, TemplateBudget budget)
    {
        budget.Spend(key.Size);
        return _places.TryGetValue(TemplateKeys.Require(key), out int place) ? _entries[place].Value : null;
    }

    /// <summary>Puts an entry in while the dictionary is being built; the first of equal keys stays.</summary>
    /// <exception cref="TemplateError">The key can be none.</exception>
    public void Set(TemplateValue key, TemplateValue value, TemplateBudget budget)
    {
        budget.Spend(key.Size);
        budget.Allocate(EntryBytes);
        (_nesting, _size) = Around(value, _nesting, _size + key.Size);
        if (_places.TryGetValue(TemplateKeys.Require(key), out int place))
        {
            _entries[place] = (_entries[place].Key, value);
            return;
        }

        _places.Add(key, _entries.Count);
        _entries.Add((key, value));
    }
}

/// <summary><c>namespace(…)</c>: the one kind whose attributes a template may set.</summary>
internal sealed class NamespaceValue : TemplateValue
{
    private readonly Dictionary<string, TemplateValue> _attributes = [];

    public override string Kind => "namespace";

    /// <summary>An attribute, or null.</summary>
    public TemplateValue? Find(string name, TemplateBudget budget)
    {
        budget.Spend(1 + (name.Length / 8));
        return _attributes.GetValueOrDefault(name);
    }

    /// <summary>Sets an attribute.</summary>
    public void Set(string name, TemplateValue value, TemplateBudget budget)
    {
        budget.Spend(1 + (name.Length / 8));
        budget.Allocate(MapValue.EntryBytes);
        _attributes[name] = value;
    }
}

/// <summary>Something that can be called: a macro, a method, a function of the environment.</summary>
internal sealed class CallableValue(string name, Func<TemplateArguments, TemplateValue> call) : TemplateValue
{
    public override string Kind => $"function '{name}'";

    public string Name => name;

    public TemplateValue Call(TemplateArguments arguments) => call(arguments);
}
