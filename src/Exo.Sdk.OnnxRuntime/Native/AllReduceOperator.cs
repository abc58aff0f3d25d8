using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Exo.Sdk.OnnxRuntime.Native;

/// <summary>
/// The operator that sums <c>[1, tokens, width]</c> over all ranks, in place where the graph allows it: written in C# and registered with
/// ONNX Runtime through its C interface, so that a run of a graph need not stop for a sum. One shard's; must outlive its sessions.
/// </summary>
internal sealed unsafe class AllReduceOperator : IDisposable
{
    /// <summary>The operator's domain.</summary>
    internal const string Domain = "exo";

    /// <summary>The operator's name in the domain.</summary>
    internal const string Name = "AllReduce";

    private const int FloatType = 1;

    private readonly ICollective _group;
    private readonly int _width;
    private readonly Operation* _operation;
    private readonly nint _name;
    private readonly nint _domain;
    private GCHandle<AllReduceOperator> _self;
    private ExceptionDispatchInfo? _failure;
    private int _tokens;
    private bool _isDisposed;

    /// <summary>Makes the operator.</summary>
    /// <param name="group">The ranks.</param>
    /// <param name="width">Values per token.</param>
    internal AllReduceOperator(ICollective group, int width)
    {
        _group = group;
        _width = width;
        _domain = NativeApi.CreateCustomOpDomain(Domain);
        _self = new GCHandle<AllReduceOperator>(this);
        _name = Marshal.StringToCoTaskMemUTF8(Name);
        _operation = (Operation*)NativeMemory.AllocZeroed((nuint)sizeof(Operation));
        _operation->Name = (byte*)_name;
        _operation->Target = GCHandle<AllReduceOperator>.ToIntPtr(_self);
        Describe(ref _operation->Native);
        NativeApi.AddToDomain(_domain, &_operation->Native);
    }

    /// <summary>Makes the operator known to sessions created with these options.</summary>
    internal void Register(SessionOptions options) => NativeApi.AddDomain(options.DangerousGetHandle(), _domain);

    /// <summary>Prepares for a run of a graph.</summary>
    /// <param name="tokens">The run's tokens.</param>
    internal void Begin(int tokens)
    {
        _tokens = tokens;
        _failure = null;
    }

    /// <summary>Throws the error, if there was one, that failed the run: as it was, which native code in between would lose.</summary>
    internal void ThrowFailure() => _failure?.Throw();

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        NativeApi.ReleaseCustomOpDomain(_domain);
        NativeMemory.Free(_operation);
        Marshal.FreeCoTaskMem(_name);
        _self.Dispose();
    }

    private void Sum(nint context)
    {
        int length = _tokens * _width;
        float* input = NativeApi.GetInput(context, 0);
        float* output = NativeApi.GetOutput(context, 0, [1, _tokens, _width]);
        Span<float> values = new(output, length);
        if (input != output)
        {
            new ReadOnlySpan<float>(input, length).CopyTo(values);
        }

        _group.AllReduceSum(values);
    }

    private static void Describe(ref OrtCustomOp native)
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
        native.GetMayInplace = &GetMayInplace;
        native.ReleaseMayInplace = &ReleaseMayInplace;
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

    // Every node's kernel is the operator itself.
    [UnmanagedCallersOnly]
    private static void* CreateKernel(OrtCustomOp* operation, void* api, nint info, nint* kernel)
    {
        *kernel = ((Operation*)operation)->Target;
        return null;
    }

    [UnmanagedCallersOnly]
    private static void DestroyKernel(nint kernel)
    {
    }

    [UnmanagedCallersOnly]
    private static void* Compute(nint kernel, nint context)
    {
        AllReduceOperator target = GCHandle<AllReduceOperator>.FromIntPtr(kernel).Target;
        try
        {
            target.Sum(context);
            return null;
        }
        catch (Exception error)
        {
            target._failure ??= ExceptionDispatchInfo.Capture(error);
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
        public nint Target;
    }
}
