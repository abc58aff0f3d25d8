using Exo.Sdk.Mlx.Distributed;

namespace Exo.Sdk.Mlx.Tests.Distributed;

/// <summary>The files and variables that MLX's documentation asks for.</summary>
public sealed class GroupDescriptionFilesTests
{
    private static readonly RankOffer[] Three =
    [
        new("", "a", 1, 5000, ["10.0.1.1/30", "10.0.3.2/30"]),
        new("", "b", 1, 5001, ["10.0.1.2/30", "10.0.2.1/30"]),
        new("", "c", 1, 5002, ["10.0.2.2/30", "10.0.3.1/30"]),
    ];

    [Fact]
    public void In_a_ring_every_rank_listens_where_its_left_neighbor_reaches_it()
    {
        // Cables a–b, b–c, c–a with a network each.
        GroupDescriptionFiles.RingHosts(Three).ToJsonString().Should().Be("""[["10.0.3.2:5000"],["10.0.1.2:5001"],["10.0.2.2:5002"]]""");
    }

    [Fact]
    public void The_files_are_private_and_go_with_the_description()
    {
        string path;
        using (GroupDescriptionFiles files = GroupDescriptionFiles.Ring(1, Three))
        {
            files.Variables.Keys.Should().BeEquivalentTo("MLX_HOSTFILE", "MLX_RANK");
            files.Variables["MLX_RANK"].Should().Be("1");
            path = files.Variables["MLX_HOSTFILE"];
            File.ReadAllText(path).Should().StartWith("[[");
            if (!OperatingSystem.IsWindows())
            {
                File.GetUnixFileMode(Path.GetDirectoryName(path)!).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }

        Directory.Exists(Path.GetDirectoryName(path)).Should().BeFalse();
    }

    [Fact]
    public void A_group_over_RDMA_has_a_matrix_of_devices_and_a_coordinator()
    {
        string[][][] devices =
        [
            [[], ["rdma_en5"], ["rdma_en4", "rdma_en3"]],
            [["rdma_en5"], [], ["rdma_en4"]],
            [["rdma_en5", "rdma_en2"], ["rdma_en4"], []],
        ];

        using GroupDescriptionFiles files = GroupDescriptionFiles.Jaccl(2, Three, devices);

        files.Variables.Keys.Should().BeEquivalentTo("MLX_IBV_DEVICES", "MLX_JACCL_COORDINATOR", "MLX_RANK");
        File.ReadAllText(files.Variables["MLX_IBV_DEVICES"]).Should().Be(
            """[[null,"rdma_en5",["rdma_en4","rdma_en3"]],["rdma_en5",null,"rdma_en4"],[["rdma_en5","rdma_en2"],"rdma_en4",null]]""");
        files.Variables["MLX_JACCL_COORDINATOR"].Should().Be("10.0.3.2:5000");
        GroupDescriptionFiles.Coordinator(1, Three).Should().Be("10.0.1.1:5000");
        GroupDescriptionFiles.Coordinator(0, Three).Should().Be("0.0.0.0:5000", "rank 0 listens on all its addresses");
    }
}
