namespace Exo.Sdk.Tests.Errors;

public sealed class TransienceTests
{
    /// <summary>Nothing here starts an epoch again by itself, so the same call fails again.</summary>
    [Fact]
    public void No_error_promises_that_the_same_call_will_do_better()
    {
        ExoException[] errors =
        [
            new ExoException("x"), new PeerLostException(1, "x"), new NodeException("box", "x"), new GenerationException("x"),
            new ProtocolException("x"), new UnavailableException("x"), new BackendException("x"), new ConfigurationException("x"),
            new ModelFormatException("file", "x"), new UnsupportedModelException("x", []), new PlanRefusedException(["x"]),
        ];
        errors.Should().AllSatisfy(static error => error.IsTransient.Should().BeFalse());
        typeof(ExoException).Assembly.GetExportedTypes().Where(static type => type.IsSubclassOf(typeof(ExoException)))
            .Should().BeSubsetOf(errors.Select(static error => error.GetType()), "each kind of error is looked at here");
    }
}
