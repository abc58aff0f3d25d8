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

    /// <summary>How deep lists and dictionaries are nested in it.</summary>
    public virtual int Nesting => 0;

    /// <summary>The nesting and size around a part; a value that could be walked over without end is refused.</summary>
    protected static (int Nesting, long Size) Around(TemplateValue part, int nesting, long size)
    {
        nesting = Math.Max(nesting, part.Nesting + 1);
        size += part.Size;
        return nesting <= TemplateLimits.MaxNesting && size <= TemplateLimits.MaxParts
            ? (nesting, size)
            : throw new TemplateError($"a value has more than {TemplateLimits.MaxParts} parts or is nested deeper than {TemplateLimits.MaxNesting}");
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

    public override long Size { get; }

    public override int Nesting { get; }
}

/// <summary>A dictionary with texts as keys, in the order they were put in.</summary>
internal sealed class MapValue : TemplateValue
{
    private readonly Dictionary<string, int> _places = [];
    private readonly List<(TemplateText Key, TemplateValue Value)> _entries = [];
    private long _size = 1;
    private int _nesting = 1;

    public IReadOnlyList<(TemplateText Key, TemplateValue Value)> Entries => _entries;

    public override bool IsTrue => _entries.Count > 0;

    public override string Kind => "mapping";

    public override long Size => _size;

    public override int Nesting => _nesting;

    public TemplateValue? Find(string key) => _places.TryGetValue(key, out int place) ? _entries[place].Value : null;

    /// <summary>Puts an entry in while the dictionary is being built.</summary>
    public void Set(TemplateText key, TemplateValue value)
    {
        (_nesting, _size) = Around(value, _nesting, _size + 1 + (key.Length / 8));
        if (_places.TryGetValue(key.Value, out int place))
        {
            _entries[place] = (_entries[place].Key, value);
            return;
        }

        _places.Add(key.Value, _entries.Count);
        _entries.Add((key, value));
    }
}

/// <summary><c>namespace(…)</c>: the one kind whose attributes a template may set.</summary>
internal sealed class NamespaceValue : TemplateValue
{
    public Dictionary<string, TemplateValue> Attributes { get; } = [];

    public override string Kind => "namespace";
}

/// <summary>Something that can be called: a macro, a method, a function of the environment.</summary>
internal sealed class CallableValue(string name, Func<TemplateArguments, TemplateValue> call) : TemplateValue
{
    public override string Kind => $"function '{name}'";

    public string Name => name;

    public TemplateValue Call(TemplateArguments arguments) => call(arguments);
}
