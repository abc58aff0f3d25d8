using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using DataType = Exo.Sdk.OnnxRuntime.Graph.TensorProto.Types.DataType;

namespace Exo.Sdk.OnnxRuntime.Graph;

/// <summary>Writes an ONNX graph node by node. Every value is named after the node that gives it.</summary>
internal sealed class GraphBuilder(string name)
{
    /// <summary>The domain of ONNX Runtime's own operators.</summary>
    internal const string Microsoft = "com.microsoft";

    private const int StandardVersion = 21;

    private readonly GraphProto _graph = new() { Name = name };

    /// <summary>The graph's name.</summary>
    internal string Name => _graph.Name;

    /// <summary>Declares an input; a negative dimension is open.</summary>
    internal string Input(string name, DataType type, params ReadOnlySpan<long> shape)
    {
        _graph.Input.Add(Describe(name, type, shape));
        return name;
    }

    /// <summary>Declares that a value is an output; a negative dimension is open.</summary>
    internal void Output(string name, DataType type, params ReadOnlySpan<long> shape) => _graph.Output.Add(Describe(name, type, shape));

    internal string Constant(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) =>
        Constant(name, DataType.Float, MemoryMarshal.AsBytes(values), shape);

    internal string Constant(string name, ReadOnlySpan<long> values) =>
        Constant(name, DataType.Int64, MemoryMarshal.AsBytes(values), [values.Length]);

    /// <summary>Declares a constant whose value the session is given beside the graph, as the content of a file of the same name.</summary>
    internal string External(string name, DataType type, long byteCount, params ReadOnlySpan<long> shape)
    {
        TensorProto tensor = new() { Name = name, DataType = (int)type, DataLocation = TensorProto.Types.DataLocation.External };
        tensor.Dims.AddRange(shape);
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = name });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = "0" });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = byteCount.ToString(CultureInfo.InvariantCulture) });
        _graph.Initializer.Add(tensor);
        return name;
    }

    /// <summary>Adds a node with one output, named as the node.</summary>
    internal string Node(string name, string domain, string operation, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        Node(name, domain, operation, inputs, [name], attributes);
        return name;
    }

    internal void Node(
        string name, string domain, string operation, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        NodeProto node = new() { Name = name, Domain = domain, OpType = operation };
        node.Input.AddRange(inputs);
        node.Output.AddRange(outputs);
        node.Attribute.AddRange(attributes);
        _graph.Node.Add(node);
    }

    internal static AttributeProto Attribute(string name, long value) =>
        new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };

    internal static AttributeProto Attribute(string name, float value) =>
        new() { Name = name, F = value, Type = AttributeProto.Types.AttributeType.Float };

    /// <summary>The model's bytes.</summary>
    internal byte[] Build()
    {
        ModelProto model = new() { IrVersion = 10, ProducerName = "exo-sdk", Graph = _graph };
        foreach (string domain in _graph.Node.Select(node => node.Domain).Distinct())
        {
            model.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = domain.Length == 0 ? StandardVersion : 1 });
        }

        return model.ToByteArray();
    }

    private string Constant(string name, DataType type, ReadOnlySpan<byte> data, ReadOnlySpan<long> shape)
    {
        TensorProto tensor = new() { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(data) };
        tensor.Dims.AddRange(shape);
        _graph.Initializer.Add(tensor);
        return name;
    }

    private static ValueInfoProto Describe(string name, DataType type, ReadOnlySpan<long> shape)
    {
        TensorShapeProto dimensions = new();
        foreach (long dimension in shape)
        {
            dimensions.Dim.Add(dimension < 0
                ? new TensorShapeProto.Types.Dimension { DimParam = $"{name}_{dimensions.Dim.Count}" }
                : new TensorShapeProto.Types.Dimension { DimValue = dimension });
        }

        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = dimensions } },
        };
    }
}
