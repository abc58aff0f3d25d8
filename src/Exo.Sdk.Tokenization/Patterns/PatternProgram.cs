namespace Exo.Sdk.Tokenization.Patterns;

/// <summary>What one instruction of a compiled pattern does.</summary>
internal enum PatternOp : byte
{
    /// <summary>The (sub-)program matched.</summary>
    Accept,

    /// <summary>One code point of the set.</summary>
    Set,

    /// <summary>Greedily A to B code points of the set, given back one by one.</summary>
    Loop,

    /// <summary>A to B code points of the set, never given back.</summary>
    PossessiveLoop,

    /// <summary>Go on at A; when that fails, at B.</summary>
    Split,

    /// <summary>Go on at A.</summary>
    Jump,

    /// <summary>Run the program that follows; on success continue at A from where it ended.</summary>
    Atomic,

    /// <summary>Run the program that follows; continue at A from here when it matched.</summary>
    Ahead,

    /// <summary>As <see cref="Ahead"/>, when it did not match.</summary>
    NotAhead,

    /// <summary>As <see cref="Ahead"/>, B code points before here.</summary>
    Behind,

    /// <summary>As <see cref="Behind"/>, when it did not match.</summary>
    NotBehind,

    /// <summary>Holds where the anchor of kind A holds.</summary>
    Anchor,

    /// <summary>Remember the position in register A.</summary>
    Mark,

    /// <summary>Go on at B when nothing was read since register A was marked.</summary>
    LeaveIfEmpty,
}

/// <summary>One instruction.</summary>
internal readonly record struct PatternInstruction(PatternOp Op, int A = 0, int B = 0, CodePointSet? Set = null);

/// <summary>Turns a parsed pattern into instructions for <see cref="Pattern"/>.</summary>
internal sealed class PatternCompiler
{
    private const int MaxInstructions = 20_000;

    private readonly List<PatternInstruction> _code = [];
    private int _registers;

    private PatternCompiler()
    {
    }

    /// <summary>Compiles a pattern.</summary>
    /// <exception cref="FormatException">The program would be larger than the bound.</exception>
    public static (PatternInstruction[] Code, int Registers) Compile(PatternNode node)
    {
        PatternCompiler compiler = new();
        compiler.Emit(node);
        compiler.Add(new(PatternOp.Accept));
        return ([.. compiler._code], compiler._registers);
    }

    private int Add(PatternInstruction instruction)
    {
        if (_code.Count >= MaxInstructions)
        {
            throw new FormatException($"the pattern unrolls to more than {MaxInstructions} instructions");
        }

        _code.Add(instruction);
        return _code.Count - 1;
    }

    private void Emit(PatternNode node)
    {
        switch (node)
        {
            case PatternNode.Set set:
                Add(new(PatternOp.Set, Set: set.Members));
                break;
            case PatternNode.Concat concat:
                foreach (PatternNode item in concat.Items)
                {
                    Emit(item);
                }

                break;
            case PatternNode.Alternate alternate:
                EmitAlternatives(alternate);
                break;
            case PatternNode.Repeat repeat:
                EmitRepeat(repeat);
                break;
            case PatternNode.Atomic { Item: PatternNode.Repeat { Item: PatternNode.Set set, Lazy: false } r }:
                Add(new(PatternOp.PossessiveLoop, r.Min, r.Max, set.Members));
                break;
            case PatternNode.Atomic atomic:
                EmitNested(PatternOp.Atomic, 0, atomic.Item);
                break;
            case PatternNode.Look { Behind: false } look:
                EmitNested(look.Negative ? PatternOp.NotAhead : PatternOp.Ahead, 0, look.Item);
                break;
            case PatternNode.Look look:
                EmitBehind(look);
                break;
            case PatternNode.Anchor anchor:
                Add(new(PatternOp.Anchor, (int)anchor.Kind));
                break;
        }
    }

    private void EmitAlternatives(PatternNode.Alternate alternate)
    {
        List<int> exits = [];
        for (int i = 0; i < alternate.Items.Count; i++)
        {
            bool last = i == alternate.Items.Count - 1;
            int split = last ? -1 : Add(default);
            Emit(alternate.Items[i]);
            if (!last)
            {
                exits.Add(Add(default));
                _code[split] = new(PatternOp.Split, split + 1, _code.Count);
            }
        }

        foreach (int exit in exits)
        {
            _code[exit] = new(PatternOp.Jump, _code.Count);
        }
    }

    private void EmitRepeat(PatternNode.Repeat repeat)
    {
        if (repeat is { Item: PatternNode.Set set, Lazy: false })
        {
            Add(new(PatternOp.Loop, repeat.Min, repeat.Max, set.Members));
            return;
        }

        for (int i = 0; i < repeat.Min; i++)
        {
            Emit(repeat.Item);
        }

        if (repeat.Max == int.MaxValue)
        {
            EmitEndless(repeat);
            return;
        }

        List<int> splits = [];
        for (int i = repeat.Min; i < repeat.Max; i++)
        {
            splits.Add(Add(default));
            Emit(repeat.Item);
        }

        foreach (int split in splits)
        {
            _code[split] = Branch(repeat.Lazy, split + 1, _code.Count);
        }
    }

    private void EmitEndless(PatternNode.Repeat repeat)
    {
        int split = Add(default);
        int register = repeat.Item.IsNullable ? _registers++ : -1;
        if (register >= 0)
        {
            Add(new(PatternOp.Mark, register));
        }

        Emit(repeat.Item);
        int leave = register >= 0 ? Add(default) : -1;
        Add(new(PatternOp.Jump, split));
        _code[split] = Branch(repeat.Lazy, split + 1, _code.Count);
        if (leave >= 0)
        {
            _code[leave] = new(PatternOp.LeaveIfEmpty, register, _code.Count);
        }
    }

    private static PatternInstruction Branch(bool lazy, int body, int exit) =>
        lazy ? new(PatternOp.Split, exit, body) : new(PatternOp.Split, body, exit);

    private void EmitNested(PatternOp op, int length, PatternNode item)
    {
        int head = Add(default);
        Emit(item);
        Add(new(PatternOp.Accept));
        _code[head] = new(op, _code.Count, length);
    }

    // One look-behind per alternative, since each may have its own length.
    private void EmitBehind(PatternNode.Look look)
    {
        IReadOnlyList<PatternNode> alternatives = look.Item is PatternNode.Alternate a ? a.Items : [look.Item];
        if (look.Negative)
        {
            foreach (PatternNode item in alternatives)
            {
                EmitNested(PatternOp.NotBehind, item.FixedLength!.Value, item);
            }

            return;
        }

        List<int> exits = [];
        for (int i = 0; i < alternatives.Count; i++)
        {
            bool last = i == alternatives.Count - 1;
            int split = last ? -1 : Add(default);
            EmitNested(PatternOp.Behind, alternatives[i].FixedLength!.Value, alternatives[i]);
            if (!last)
            {
                exits.Add(Add(default));
                _code[split] = new(PatternOp.Split, split + 1, _code.Count);
            }
        }

        foreach (int exit in exits)
        {
            _code[exit] = new(PatternOp.Jump, _code.Count);
        }
    }
}
