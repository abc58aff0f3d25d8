using Exo.Sdk.Mlx.Tests.Support;
using Exo.Sdk.Models;

namespace Exo.Sdk.Mlx.Tests;

/// <summary>What never reaches the library; that packed models are answered as the formulas say is checked by <see cref="ConformanceTests"/>.</summary>
public sealed class QuantizationTests
{
    [StandinFact]
    public void Scales_of_another_type_or_shape_are_refused_before_they_reach_the_library()
    {
        MlxBackend backend = new Standin().Backend;
        FloatPackedModel model = new(new ModelShape(), QuantizationFormat.Mxfp4);
        model.Weights.Add("0.up.scales", ElementType.Float32, new byte[128 * 2 * 4], 128, 2);

        FluentActions.Invoking(() => Ranks.Load(backend, model.Spec, model.Weights)).Should().Throw<ModelFormatException>()
            .WithMessage("*0.up.scales*UInt8 [128, 2]*Float32 [128, 2]*");

        model.Weights.Add("0.up.scales", ElementType.UInt8, new byte[128 * 4], 128, 4);

        FluentActions.Invoking(() => Ranks.Load(backend, model.Spec, model.Weights)).Should().Throw<ModelFormatException>()
            .WithMessage("*0.up.scales*UInt8 [128, 2]*UInt8 [128, 4]*");
    }
}
