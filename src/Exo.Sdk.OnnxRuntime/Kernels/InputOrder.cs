namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>
/// The order in which a kernel reads its inputs: whole registers of words plane by plane, then registers of four words, then
/// single values, then zeros up to a multiple of <see cref="Padding"/>.
/// </summary>
internal static unsafe class InputOrder
{
    /// <summary>Lanes of the widest register, so that tile products need no ends.</summary>
    internal const int Padding = 16;

    internal static int PaddedLength(int inputs) => (inputs + Padding - 1) / Padding * Padding;

    internal static void Arrange<TLanes, TPacking>(float* x, int inputs, float* arranged)
        where TLanes : struct, ILanes<TLanes>
        where TPacking : struct, IPacking
    {
        int done = ArrangeBlocks<TPacking>(x, inputs, arranged, 0, TLanes.Count);
        done = ArrangeBlocks<TPacking>(x, inputs, arranged, done, Lanes128.Count);
        new ReadOnlySpan<float>(x + done, inputs - done).CopyTo(new Span<float>(arranged + done, inputs - done));
        new Span<float>(arranged + inputs, PaddedLength(inputs) - inputs).Clear();
    }

    private static int ArrangeBlocks<TPacking>(float* x, int inputs, float* arranged, int done, int lanes)
        where TPacking : struct, IPacking
    {
        int block = lanes * TPacking.Planes;
        for (; done + block <= inputs; done += block)
        {
            for (int plane = 0; plane < TPacking.Planes; plane++)
            {
                float scale = TPacking.InputScale(plane);
                for (int lane = 0; lane < lanes; lane++)
                {
                    arranged[done + (plane * lanes) + lane] = x[done + (lane * TPacking.Planes) + plane] * scale;
                }
            }
        }

        return done;
    }
}
