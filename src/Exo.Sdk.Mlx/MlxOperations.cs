using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Weights;
using Exo.Sdk.Models;

namespace Exo.Sdk.Mlx;

/// <summary>
/// MLX's operations on one stream, each result owned by <see cref="Scope"/>. Operations only note what is to be computed; <see cref="Eval(MlxArray)"/>
/// computes. Used on the shard's thread alone, because MLX's streams belong to threads.
/// </summary>
internal sealed unsafe class MlxOperations : IDisposable
{
    private static readonly byte[] NoMask = "\0"u8.ToArray();
    private static readonly byte[] CausalMask = "causal\0"u8.ToArray();
    private static readonly byte[] ArrayMask = "array\0"u8.ToArray();

    private readonly MlxStream _stream;

    /// <summary>Takes the calling thread's stream.</summary>
    /// <param name="api">The library.</param>
    /// <param name="isGpu">Whether to run on Metal.</param>
    /// <exception cref="BackendException">There is no such device.</exception>
    internal MlxOperations(MlxApi api, bool isGpu)
    {
        Api = api;
        _stream = isGpu ? api.GpuStream() : api.CpuStream();
        if (_stream.Context == 0)
        {
            MlxErrors.Throw("a stream");
        }

        Scope = new ArrayScope(api);
    }

    internal MlxApi Api { get; }

    /// <summary>Owns the results.</summary>
    internal ArrayScope Scope { get; private set; }

    /// <summary>Lets another scope own the results until the answer is disposed.</summary>
    internal ScopeChange Into(ArrayScope scope)
    {
        ScopeChange change = new(this, Scope);
        Scope = scope;
        return change;
    }

    /// <summary>An array of the given bytes, which are copied.</summary>
    internal MlxArray Data(void* data, MlxType type, params ReadOnlySpan<int> shape)
    {
        fixed (int* dimensions = shape)
        {
            MlxArray array = Api.ArrayNewData(data, dimensions, shape.Length, type);
            if (array == MlxArray.None)
            {
                MlxErrors.Throw($"an array of {string.Join('×', shape.ToArray())}");
            }

            return Scope.Own(array);
        }
    }

    internal MlxArray Data<T>(ReadOnlySpan<T> values, MlxType type, params ReadOnlySpan<int> shape)
        where T : unmanaged
    {
        fixed (T* data = values)
        {
            return Data(data, type, shape);
        }
    }

    internal MlxArray Zeros(MlxType type, params ReadOnlySpan<int> shape)
    {
        MlxArray result = Api.ArrayNew();
        fixed (int* dimensions = shape)
        {
            return Scope.Own(Api.Zeros(&result, dimensions, (nuint)shape.Length, type, _stream), result, "mlx_zeros");
        }
    }

    internal MlxArray Add(MlxArray a, MlxArray b)
    {
        MlxArray result = Api.ArrayNew();
        return Scope.Own(Api.Add(&result, a, b, _stream), result, "mlx_add");
    }

    internal MlxArray Multiply(MlxArray a, MlxArray b)
    {
        MlxArray result = Api.ArrayNew();
        return Scope.Own(Api.Multiply(&result, a, b, _stream), result, "mlx_multiply");
    }

    internal MlxArray Matmul(MlxArray a, MlxArray b)
    {
        MlxArray result = Api.ArrayNew();
        return Scope.Own(Api.Matmul(&result, a, b, _stream), result, "mlx_matmul");
    }

    internal MlxArray Sigmoid(MlxArray x)
    {
        MlxArray result = Api.ArrayNew();
        return Scope.Own(Api.Sigmoid(&result, x, _stream), result, "mlx_sigmoid");
    }

    internal MlxType TypeOf(MlxArray x) => Api.ArrayType(x);

    /// <summary>Another element type; the array itself where it has it.</summary>
    internal MlxArray AsType(MlxArray x, MlxType type)
    {
        if (TypeOf(x) == type)
        {
            return x;
        }

        MlxArray result = Api.ArrayNew();
        return Scope.Own(Api.AsType(&result, x, type, _stream), result, "mlx_astype");
    }

    /// <summary>The same numbers with rows one after another in memory.</summary>
    internal MlxArray Contiguous(MlxArray x)
    {
        MlxArray result = Api.ArrayNew();
        return Scope.Own(Api.Contiguous(&result, x, 0, _stream), result, "mlx_contiguous");
    }

    internal MlxArray Reshape(MlxArray x, params ReadOnlySpan<int> shape)
    {
        MlxArray result = Api.ArrayNew();
        fixed (int* dimensions = shape)
        {
            return Scope.Own(Api.Reshape(&result, x, dimensions, (nuint)shape.Length, _stream), result, "mlx_reshape");
        }
    }

    internal MlxArray Transpose(MlxArray x, params ReadOnlySpan<int> axes)
    {
        MlxArray result = Api.ArrayNew();
        fixed (int* order = axes)
        {
            return Scope.Own(Api.Transpose(&result, x, order, (nuint)axes.Length, _stream), result, "mlx_transpose_axes");
        }
    }

    internal MlxArray TakeRows(MlxArray x, MlxArray indices)
    {
        MlxArray result = Api.ArrayNew();
        return Scope.Own(Api.TakeAxis(&result, x, indices, 0, _stream), result, "mlx_take_axis");
    }

    internal MlxArray Concatenate(ReadOnlySpan<MlxArray> arrays, int axis)
    {
        MlxArrayList list = List(arrays);
        MlxArray result = Api.ArrayNew();
        int code = Api.Concatenate(&result, list, axis, _stream);
        _ = Api.ListFree(list);
        return Scope.Own(code, result, "mlx_concatenate_axis");
    }

    /// <summary>The part from <paramref name="start"/> up to <paramref name="stop"/>, of every dimension.</summary>
    internal MlxArray Slice(MlxArray x, ReadOnlySpan<int> start, ReadOnlySpan<int> stop)
    {
        MlxArray result = Api.ArrayNew();
        Span<int> ones = stackalloc int[start.Length];
        ones.Fill(1);
        nuint count = (nuint)start.Length;
        fixed (int* from = start, to = stop, by = ones)
        {
            return Scope.Own(Api.Slice(&result, x, from, count, to, count, by, count, _stream), result, "mlx_slice");
        }
    }

    /// <summary>The array with a part replaced; in place where nothing else holds the array.</summary>
    internal MlxArray SliceUpdate(MlxArray x, MlxArray part, ReadOnlySpan<int> start, ReadOnlySpan<int> stop)
    {
        MlxArray result = Api.ArrayNew();
        Span<int> ones = stackalloc int[start.Length];
        ones.Fill(1);
        nuint count = (nuint)start.Length;
        fixed (int* from = start, to = stop, by = ones)
        {
            return Scope.Own(Api.SliceUpdate(&result, x, part, from, count, to, count, by, count, _stream), result, "mlx_slice_update");
        }
    }

    /// <summary>x·Wᵀ for a packed weight; biases are none where the format has none.</summary>
    internal MlxArray QuantizedMatmul(
        MlxArray x, MlxArray words, MlxArray scales, MlxArray biases, QuantizationSpec packing, PackedFormat format)
    {
        MlxArray result = Api.ArrayNew();
        fixed (byte* mode = format.Mode)
        {
            int code = Api.QuantizedMatmul(
                &result, x, words, scales, biases, 1, new OptionalInt(packing.GroupSize), new OptionalInt(packing.Bits), mode, _stream);
            return Scope.Own(code, result, "mlx_quantized_matmul");
        }
    }

    /// <summary>The numbers of a packed weight; biases are none where the format has none.</summary>
    internal MlxArray Dequantize(
        MlxArray words, MlxArray scales, MlxArray biases, QuantizationSpec packing, PackedFormat format, MlxType type)
    {
        MlxArray result = Api.ArrayNew();
        OptionalInt groupSize = new(packing.GroupSize);
        OptionalInt bits = new(packing.Bits);
        fixed (byte* mode = format.Mode)
        {
            int code = Api.Dequantize(
                &result, words, scales, biases, groupSize, bits, mode, MlxArray.None, new OptionalType(type), _stream);
            return Scope.Own(code, result, "mlx_dequantize");
        }
    }

    internal MlxArray RmsNorm(MlxArray x, MlxArray weight, float epsilon)
    {
        MlxArray result = Api.ArrayNew();
        return Scope.Own(Api.RmsNorm(&result, x, weight, epsilon, _stream), result, "mlx_fast_rms_norm");
    }

    /// <summary>Turns element i with element i + dims/2 by position / periods[i].</summary>
    internal MlxArray Rope(MlxArray x, int dimensions, int firstPosition, MlxArray periods)
    {
        MlxArray result = Api.ArrayNew();
        return Scope.Own(Api.Rope(&result, x, dimensions, 0, default, 1, firstPosition, periods, _stream), result, "mlx_fast_rope");
    }

    /// <summary>softmax(scale·q·kᵀ)·v, q <c>[1, heads, n, size]</c>, k and v <c>[1, kv heads, length, size]</c>.</summary>
    /// <param name="queries">Queries.</param>
    /// <param name="keys">Keys.</param>
    /// <param name="values">Values.</param>
    /// <param name="scale">The factor on q·k.</param>
    /// <param name="isCausal">Whether query i may look only at the first length − n + i + 1 keys.</param>
    /// <param name="mask">Or which query may look at which key, <c>[n, length]</c>; none for no mask.</param>
    internal MlxArray Attention(MlxArray queries, MlxArray keys, MlxArray values, float scale, bool isCausal, MlxArray mask)
    {
        MlxArray result = Api.ArrayNew();
        fixed (byte* mode = mask != MlxArray.None ? ArrayMask : isCausal ? CausalMask : NoMask)
        {
            return Scope.Own(
                Api.Attention(&result, queries, keys, values, scale, mode, mask, MlxArray.None, _stream),
                result,
                "mlx_fast_scaled_dot_product_attention");
        }
    }

    internal MlxArray AllSum(MlxArray x, MlxGroupHandle group)
    {
        MlxArray result = Api.ArrayNew();
        return Scope.Own(Api.AllSum(&result, x, group, _stream), result, "mlx_distributed_all_sum");
    }

    /// <summary>Computes an array and waits for it.</summary>
    internal void Eval(MlxArray x) => MlxApi.Check(Api.ArrayEval(x), "mlx_array_eval");

    /// <summary>Computes arrays and waits for them.</summary>
    internal void Eval(ReadOnlySpan<MlxArray> arrays)
    {
        MlxArrayList list = List(arrays);
        int code = Api.Eval(list);
        _ = Api.ListFree(list);
        MlxApi.Check(code, "mlx_eval");
    }

    /// <summary>Starts to compute arrays.</summary>
    internal void AsyncEval(ReadOnlySpan<MlxArray> arrays)
    {
        MlxArrayList list = List(arrays);
        int code = Api.AsyncEval(list);
        _ = Api.ListFree(list);
        MlxApi.Check(code, "mlx_async_eval");
    }

    /// <summary>The numbers of an evaluated, contiguous single-precision array, where MLX holds them.</summary>
    internal Span<float> Numbers(MlxArray x)
    {
        float* data = Api.ArrayDataFloat32(x);
        if (data is null)
        {
            MlxErrors.Throw("mlx_array_data_float32");
        }

        return new Span<float>(data, checked((int)Api.ArraySize(x)));
    }

    /// <summary>Waits for everything that was started.</summary>
    internal void Synchronize() => MlxApi.Check(Api.Synchronize(_stream), "mlx_synchronize");

    public void Dispose()
    {
        Scope.Dispose();
        _ = Api.StreamFree(_stream);
    }

    private MlxArrayList List(ReadOnlySpan<MlxArray> arrays)
    {
        fixed (MlxArray* first = arrays)
        {
            MlxArrayList list = Api.ListNew(first, (nuint)arrays.Length);
            if (list.Context == 0)
            {
                MlxErrors.Throw("a list of arrays");
            }

            return list;
        }
    }

    /// <summary>Restores the scope.</summary>
    internal readonly ref struct ScopeChange(MlxOperations operations, ArrayScope previous)
    {
        public void Dispose() => operations.Scope = previous;
    }
}
