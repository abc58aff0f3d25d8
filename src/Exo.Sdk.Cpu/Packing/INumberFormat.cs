using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>How single numbers are held in memory.</summary>
internal unsafe interface INumberFormat
{
    /// <summary>Bytes of an element.</summary>
    static abstract int ElementBytes { get; }

    /// <summary>As many consecutive elements as there are lanes.</summary>
    static abstract TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct;
}
