using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>Where a panel's registers stand in a tile of several panels.</summary>
internal static class PanelTile
{
    /// <summary>Numbers from one register of a panel to the next one.</summary>
    internal static int Step<TLanes, TVector>()
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => Tile.Panels * TLanes.Count;
}
