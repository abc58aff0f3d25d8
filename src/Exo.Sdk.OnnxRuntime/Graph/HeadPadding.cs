namespace Exo.Sdk.OnnxRuntime.Graph;

/// <summary>
/// ONNX Runtime's attention rotates heads whose size is a multiple of 16. Heads of other sizes get zeros behind each half, because rope
/// pairs element i with element i + size/2; zeros change neither a score nor a sum, and are taken off the result.
/// </summary>
internal static class HeadPadding
{
    private const int Multiple = 16;

    /// <summary>The head size that attention is given.</summary>
    internal static int PaddedSize(int headSize) => (headSize + Multiple - 1) / Multiple * Multiple;

    /// <summary>Adds the zeros to <c>[1, tokens, heads·size]</c>.</summary>
    internal static string Pad(GraphBuilder graph, string x, int headSize)
    {
        int missing = (PaddedSize(headSize) - headSize) / 2;
        if (missing == 0)
        {
            return x;
        }

        string halves = Halves(graph, x, headSize / 2);
        string widths = graph.Constant(x + ".padding", [0, 0, 0, 0, 0, 0, 0, missing]);
        string padded = graph.Node(x + ".padded_halves", "", "Pad", [halves, widths]);
        return Join(graph, x + ".padded", padded);
    }

    /// <summary>Takes the zeros off <c>[1, tokens, heads·padded size]</c>.</summary>
    internal static string Strip(GraphBuilder graph, string x, int headSize)
    {
        int paddedSize = PaddedSize(headSize);
        if (paddedSize == headSize)
        {
            return x;
        }

        string halves = Halves(graph, x, paddedSize / 2);
        string first = graph.Constant(x + ".first", [0]);
        string end = graph.Constant(x + ".end", [headSize / 2]);
        string axis = graph.Constant(x + ".axis", [3]);
        string stripped = graph.Node(x + ".stripped_halves", "", "Slice", [halves, first, end, axis]);
        return Join(graph, x + ".stripped", stripped);
    }

    private static string Halves(GraphBuilder graph, string x, int half) =>
        graph.Node(x + ".halves", "", "Reshape", [x, graph.Constant(x + ".halves_shape", [0, 0, -1, half])]);

    private static string Join(GraphBuilder graph, string name, string halves) =>
        graph.Node(name, "", "Reshape", [halves, graph.Constant(name + "_shape", [0, 0, -1])]);
}
