
namespace Exo.Sdk.Transport.Tests;

/// <summary>The options of transports on their way to a child process, which trusts none of them.</summary>
public sealed class PartOptionsTests
{
    [Fact]
    public void TCP_says_all_its_options()
    {
        TcpTransport transport = new() { Spin = TimeSpan.FromTicks(12_345), HandshakeTimeout = TimeSpan.FromSeconds(7), UseNativeCalls = false };

        ((IChildProcessPart)new TcpTransport()).WithOptions(transport.DescribeOptions()).Should().BeEquivalentTo(transport, o => o.IncludingInternalProperties());
    }

    [Fact]
    public void Shared_memory_says_all_its_options()
    {
        SharedMemoryTransport transport = new() { Spin = TimeSpan.Zero, Folder = "/tmp/a \"folder\" ❄", UseNativeCalls = false };

        new SharedMemoryTransport().WithOptions(transport.DescribeOptions()).Should().BeEquivalentTo(transport, o => o.IncludingInternalProperties());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"Spin\":\"00:00:01\"}")]
    [InlineData("{\"Spin\":null,\"Folder\":\"a\",\"HandshakeTimeout\":\"00:00:01\",\"UseNativeCalls\":true}")]
    [InlineData("{\"Spin\":\"-00:00:01\",\"HandshakeTimeout\":\"00:00:01\",\"UseNativeCalls\":true}")]
    [InlineData("{\"Spin\":\"00:00:01\",\"HandshakeTimeout\":\"9.00:00:01\",\"UseNativeCalls\":true}")]
    [InlineData("{\"Spin\":\"00:00:01\",\"Folder\":null,\"UseNativeCalls\":true}")]
    [InlineData("{\"Spin\":\"00:00:01\",\"Folder\":\"\",\"UseNativeCalls\":true}")]
    [InlineData("{\"Spin\":\"00:00:01\",\"Folder\":\"a\\u0000b\",\"UseNativeCalls\":true}")]
    [InlineData("{\"Spin\":\"00:00:01\",\"Folder\":\"\\ud800\",\"UseNativeCalls\":true}")]
    public void What_is_damaged_is_refused(string description)
    {
        foreach (IChildProcessPart part in new IChildProcessPart[] { new TcpTransport(), new SharedMemoryTransport() })
        {
            part.Invoking(p => p.WithOptions(description)).Should().Throw<ConfigurationException>();
        }
    }

    [Fact]
    public void What_is_cut_or_padded_or_deep_is_refused()
    {
        string whole = new TcpTransport().DescribeOptions();
        TcpTransport part = new();
        for (int length = 0; length < whole.Length; length++)
        {
            part.Invoking(p => p.WithOptions(whole[..length])).Should().Throw<ConfigurationException>();
        }

        part.Invoking(p => p.WithOptions(whole + new string(' ', IChildProcessPart.MaxDescriptionLength))).Should().Throw<ConfigurationException>().WithMessage("*16384*");
        part.Invoking(p => p.WithOptions("{\"Spin\":" + new string('[', 10_000))).Should().Throw<ConfigurationException>();
    }
}
