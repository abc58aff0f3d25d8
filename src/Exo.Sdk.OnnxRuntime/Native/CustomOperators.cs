using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Exo.Sdk.OnnxRuntime.Native;

/// <summary>A node of a graph that is computed in C#. It takes single-precision tensors and gives one.</summary>
internal abstract class GraphKernel
{
    /// <summary>Computes the node. Called on the thread that runs the graph.</summary>
    /// <param name="context">ONNX Runtime's context of this call, for <see cref="NativeApi"/>.</param>
    internal abstract void Run(nint context);

    /// <summary>Keeps an error for the caller of the graph, which native code in between would lose.</summary>
    /// <param name="error">The error.</param>
    internal abstract void Fail(Exception error);
}

/// <summary>
/// The operators of domain <see cref="Domain"/>, registered with ONNX Runtime through its C interface. A node's attribute
/// <see cref="KernelAttribute"/> says which of the given kernels computes it. Must outlive the sessions made with it.
/// </summary>
internal sealed unsafe class CustomOperators : IDisposable
{
    /// <summary>The domain of the operators.</summary>
    internal const string Domain = "exo";

    /// <summary>The matrix product; one input.</summary>
    internal const string Linear = "Linear";

    /// <summary>The sum over all ranks, in place; one input.</summary>
    internal const string AllReduce = "AllReduce";

    /// <summary>The sums of consecutive inputs; one input.</summary>
    internal const string GroupSums = "GroupSums";

    /// <summary>The node's attribute that holds the kernel's index.</summary>
    internal const string KernelAttribute = "kernel";

    private const int FloatType = 1;

    private readonly Operation* _operations;
    private readonly nint[] _names;
    private readonly nint _domain;
    private GCHandle<IReadOnlyList<GraphKernel>> _kernels;
    private bool _isDisposed;

    /// <summary>Makes the operators of one shard.</summary>
    /// <param name="kernels">What the nodes refer to; may still grow until the sessions are made.</param>
    internal CustomOperators(IReadOnlyList<GraphKernel> kernels)
    {
        string[] names = [Linear, AllReduce, GroupSums];
        _kernels = new GCHandle<IReadOnlyList<GraphKernel>>(kernels);
        _names = Array.ConvertAll(names, Marshal.StringToCoTaskMemUTF8);
        _operations = (Operation*)NativeMemory.AllocZeroed((nuint)names.Length, (nuint)sizeof(Operation));
        _domain = NativeApi.CreateCustomOpDomain(Domain);
        for (int i = 0; i < names.Length; i++)
        {
            _operations[i].Name = (byte*)_names[i];
            _operations[i].Kernels = GCHandle<IReadOnlyList<GraphKernel>>.ToIntPtr(_kernels);
            Describe(ref _operations[i].Native, isInPlace: names[i] == AllReduce);
            NativeApi.AddToDomain(_domain, &_operations[i].Native);
        }
    }

    /// <summary>Makes the operators known to sessions created with these options.</summary>
    internal void Register(SessionOptions options) => NativeApi.AddDomain(options.DangerousGetHandle(), _domain);

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        NativeApi.ReleaseCustomOpDomain(_domain);
        NativeMemory.Free(_operations);
        Array.ForEach(_names, Marshal.FreeCoTaskMem);
        _kernels.Dispose();
    }

    private static void Describe(ref OrtCustomOp native, bool isInPlace)
    {
        native.Version = NativeApi.Version;
        native.GetName = &GetName;
        native.GetExecutionProviderType = &GetExecutionProviderType;
        native.GetInputType = &GetElementType;
        native.GetInputTypeCount = &GetOne;
        native.GetOutputType = &GetElementType;
        native.GetOutputTypeCount = &GetOne;
        native.KernelDestroy = &DestroyKernel;
        native.GetInputCharacteristic = &GetZero;
        native.GetOutputCharacteristic = &GetZero;
        native.GetInputMemoryType = &GetZero;
        native.CreateKernelV2 = &CreateKernel;
        native.KernelComputeV2 = &Compute;
        native.GetStartVersion = &GetStartVersion;
        native.GetEndVersion = &GetEndVersion;
        if (isInPlace)
        {
            native.GetMayInplace = &GetMayInplace;
            native.ReleaseMayInplace = &ReleaseMayInplace;
        }
    }

    [UnmanagedCallersOnly]
    private static byte* GetName(OrtCustomOp* operation) => ((Operation*)operation)->Name;

    // Null stands for the CPU.
    [UnmanagedCallersOnly]
    private static byte* GetExecutionProviderType(OrtCustomOp* operation) => null;

    [UnmanagedCallersOnly]
    private static int GetElementType(OrtCustomOp* operation, nuint index) => FloatType;

    [UnmanagedCallersOnly]
    private static nuint GetOne(OrtCustomOp* operation) => 1;

    [UnmanagedCallersOnly]
    private static int GetZero(OrtCustomOp* operation, nuint index) => 0;

    [UnmanagedCallersOnly]
    private static int GetStartVersion(OrtCustomOp* operation) => 1;

    [UnmanagedCallersOnly]
    private static int GetEndVersion(OrtCustomOp* operation) => int.MaxValue;

    [UnmanagedCallersOnly]
    private static void* CreateKernel(OrtCustomOp* operation, void* api, nint info, nint* kernel)
    {
        *kernel = 0;
        try
        {
            long index = NativeApi.GetInt64Attribute(info, "kernel\0"u8);
            IReadOnlyList<GraphKernel> kernels = GCHandle<IReadOnlyList<GraphKernel>>.FromIntPtr(((Operation*)operation)->Kernels).Target;
            *kernel = GCHandle<GraphKernel>.ToIntPtr(new GCHandle<GraphKernel>(kernels[checked((int)index)]));
            return null;
        }
        catch (Exception error)
        {
            return NativeApi.CreateFailure(error.Message);
        }
    }

    [UnmanagedCallersOnly]
    private static void DestroyKernel(nint kernel)
    {
        if (kernel != 0)
        {
            GCHandle<GraphKernel>.FromIntPtr(kernel).Dispose();
        }
    }

    [UnmanagedCallersOnly]
    private static void* Compute(nint kernel, nint context)
    {
        GraphKernel target = GCHandle<GraphKernel>.FromIntPtr(kernel).Target;
        try
        {
            target.Run(context);
            return null;
        }
        catch (Exception error)
        {
            target.Fail(error);
            return NativeApi.CreateFailure(error.Message);
        }
    }

    [UnmanagedCallersOnly]
    private static nuint GetMayInplace(int** inputs, int** outputs)
    {
        *inputs = (int*)NativeMemory.AllocZeroed(1, sizeof(int));
        *outputs = (int*)NativeMemory.AllocZeroed(1, sizeof(int));
        return 1;
    }

    [UnmanagedCallersOnly]
    private static void ReleaseMayInplace(int* inputs, int* outputs)
    {
        NativeMemory.Free(inputs);
        NativeMemory.Free(outputs);
    }

    // ONNX Runtime hands back the pointer to the first member.
    [StructLayout(LayoutKind.Sequential)]
    private struct Operation
    {
        public OrtCustomOp Native;
        public byte* Name;
        public nint Kernels;
    }
}
