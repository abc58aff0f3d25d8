using System.Runtime.CompilerServices;
using Exo.Sdk.Rdma.Native;
using Exo.Sdk.Rdma.Tests.Support;

namespace Exo.Sdk.Rdma.Tests.Native;

public sealed class ShimTests
{
    [Fact]
    public void The_structures_have_the_sizes_of_the_header()
    {
        Unsafe.SizeOf<ShimError>().Should().Be(504);
        Unsafe.SizeOf<ShimLimits>().Should().Be(32);
        Unsafe.SizeOf<ShimPort>().Should().Be(24);
        Unsafe.SizeOf<ShimPairInfo>().Should().Be(16);
        Unsafe.SizeOf<ShimRoute>().Should().Be(40);
        Unsafe.SizeOf<ShimWork>().Should().Be(24);
        Unsafe.SizeOf<ShimCompletion>().Should().Be(24);
    }

    [FakeFact]
    public void The_library_has_the_version_that_this_assembly_expects() => Shim.GetAbiVersion().Should().Be(Shim.AbiVersion);

    [FakeFact]
    public void A_missing_verbs_library_is_explained_with_what_was_tried()
    {
        Action open = () => VerbsHandle.Open("/nonexistent/libverbs.so");
        open.Should().Throw<UnavailableException>().WithMessage("*no verbs library could be loaded*/nonexistent/libverbs.so*");
    }

    [FakeFact]
    public void A_library_that_is_none_of_verbs_is_told()
    {
        Action open = () => VerbsHandle.Open(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libexo_rdma.so"));
        open.Should().Throw<UnavailableException>().WithMessage("*has no function ibv_get_device_list*");
    }

    [FakeFact]
    public void Handles_close_from_the_leaves_whatever_the_order_of_disposal()
    {
        using FakeVerbs fake = new();
        VerbsHandle library = VerbsHandle.Open(fake.Library);
        DeviceHandle device = DeviceHandle.Open(library, "fake0");
        SlabHandle slab = SlabHandle.Register(device, 4096, RdmaAccess.LocalWrite);
        QueueHandle queue = QueueHandle.Create(device, 8);
        PairHandle pair = PairHandle.Create(queue, reliable: false, 1, 4, 4);
        library.Dispose();
        device.Dispose();
        queue.Dispose();
        fake.Get("qps").Should().Be(1, "the pair keeps what it hangs on");
        pair.Dispose();
        fake.Get("cqs").Should().Be(0);
        fake.Get("contexts").Should().Be(1);
        slab.Dispose();
        fake.ShouldBeEmpty();
    }
}
