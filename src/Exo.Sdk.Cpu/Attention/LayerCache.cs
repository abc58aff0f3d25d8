namespace Exo.Sdk.Cpu.Attention;

/// <summary>The cache that a layer needs of every sequence.</summary>
/// <param name="Shape">Where things lie.</param>
/// <param name="Window">How many positions back a position looks, itself included; <see cref="int.MaxValue"/> for all.</param>
internal readonly record struct LayerCache(CacheShape Shape, int Window);
