namespace Exo.Sdk.OnnxRuntime;

/// <summary>Adds ONNX Runtime to what a cluster chooses its compute backend from, or to what a node has.</summary>
public static class OnnxRuntimeParts
{
    /// <summary>
    /// Takes ONNX Runtime for models that the engines before it cannot run, or where it is asked for by its name, <c>onnxruntime</c>; on
    /// processors it is a <see cref="BackendStanding.Fallback"/>. To insist on it, pass an <see cref="OnnxRuntimeBackend"/> to
    /// <c>ClusterBuilder.UseBackend</c>.
    /// </summary>
    /// <typeparam name="TParts">A cluster's builder or a node's options.</typeparam>
    /// <param name="parts">The builder or the options.</param>
    /// <returns>The same with this backend added.</returns>
    public static TParts UseOnnxRuntime<TParts>(this TParts parts)
        where TParts : IClusterParts<TParts> => parts.OfferBackend(new OnnxRuntimeBackend());
}
