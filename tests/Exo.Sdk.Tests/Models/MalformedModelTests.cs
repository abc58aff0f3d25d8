using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Exo.Sdk.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.Tests.Models;

public sealed class MalformedModelTests(ITestOutputHelper output)
{
    /// <summary>For the error itself, its texts and the opened folder, beyond what grows with the files.</summary>
    private const long AllowedOverhead = 64 << 10;

    public static TheoryData<string> Names => new(MalformedModels.All.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_gives_a_typed_error_within_bounds(string name)
    {
        MalformedModel model = MalformedModels.All[name];
        Open(GoldenModels.PathOf("llama-mlx-mixed")); // So that what is made once is not counted.
        using TemporaryFolder folder = model.Build();
        long size = Directory.GetFiles(folder.Path).Sum(file => AllocatedOnDisk(file));

        long before = GC.GetAllocatedBytesForCurrentThread();
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Open(folder.Path));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        output.WriteLine(error.Message);
        output.WriteLine($"{allocated} bytes allocated, {size} bytes of files");
        error.File.Should().Be(model.File.Length == 0 ? folder.Path : folder[model.File]);
        AssertMatches(error.Expected, model.Expected);
        AssertMatches(error.Found, model.Found);
        error.Message.Should().Contain(error.File).And.Contain($"expected {error.Expected}").And.Contain($"found {error.Found}");
        error.Message.Should().NotContainAny(["\u0000", "\n"]);
        allocated.Should().BeLessThan(AllowedOverhead + (8 * size));
    }

    [Fact]
    public void There_are_many_kinds() => MalformedModels.All.Should().HaveCountGreaterThan(100);

    [Fact]
    public void A_missing_folder_is_a_typed_error()
    {
        Action act = () => Open(Path.Combine(Path.GetTempPath(), "exo-test-that-is-not"));

        act.Should().Throw<ModelFormatException>().WithMessage("*exo-test-that-is-not*expected a folder, found none*");
    }

    [Fact]
    public async Task A_named_pipe_does_not_hang()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // There are none in folders there.
        }

        using TemporaryFolder folder = new();
        using (Process make = Process.Start("mkfifo", folder["model.safetensors"]))
        {
            await make.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10));
        }

        Func<Task> open = () => Task.Run(() => Open(folder.Path)).WaitAsync(TimeSpan.FromSeconds(30));

        await open.Should().ThrowAsync<ModelFormatException>().WithMessage("*not a regular file*");
    }

    [Fact]
    public void A_header_of_many_tensors_takes_memory_in_proportion()
    {
        const int Count = 50_000;
        StringBuilder header = new("{");
        for (int i = 0; i < Count; i++)
        {
            header.Append(CultureInfo.InvariantCulture, $$$"""{{{(i == 0 ? "" : ",")}}}"{{{i}}}":{"dtype":"U8","shape":[],"data_offsets":[{{{i}}},{{{i + 1}}}]}""");
        }

        using TemporaryFolder folder = new TemporaryFolder().With("model.safetensors", Safetensors.Raw(header.Append('}').ToString(), new byte[Count]));
        long size = new FileInfo(folder["model.safetensors"]).Length;
        long before = GC.GetAllocatedBytesForCurrentThread();

        using WeightSource source = SafetensorsWeightSource.Open(folder.Path);

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        output.WriteLine($"{size} bytes of file, {allocated} bytes allocated: {(double)allocated / size:f1} times");
        source.Names.Should().HaveCount(Count);
        allocated.Should().BeLessThan(8 * size);
    }

    [Fact]
    public void Texts_of_a_file_neither_flood_nor_steer_a_message()
    {
        using TemporaryFolder folder = new TemporaryFolder().With(
            "model.safetensors", Safetensors.Raw($$$"""{"\u001b[2J{{{new string('x', 100_000)}}}":{"dtype":"F31","shape":[],"data_offsets":[0,1]}}""", 1));

        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Open(folder.Path));

        error.Message.Length.Should().BeLessThan(1000);
        error.Message.Should().Contain("\\u001b[2Jxxx").And.NotContain("\u001b");
    }

    private static void Open(string folder)
    {
        using SafetensorsWeightSource weights = SafetensorsWeightSource.Open(folder);
        ModelSpecReader.Read(folder, weights);
    }

    // Holes do not count: a file that only claims to be long must not cost memory either.
    private static long AllocatedOnDisk(string file) => Math.Min(new FileInfo(file).Length, 1 << 20);

    private static void AssertMatches(string? text, string pattern)
    {
        // '*' stands for anything; '[[]', '[]]' and '[*]' for the character inside.
        string regex = Regex.Escape(pattern).Replace(@"\[\[]", @"\[", StringComparison.Ordinal).Replace(@"\[]]", "]", StringComparison.Ordinal)
            .Replace(@"\[\*]", "\u0001", StringComparison.Ordinal).Replace(@"\*", ".*", StringComparison.Ordinal).Replace("\u0001", @"\*", StringComparison.Ordinal);
        text.Should().NotBeNull().And.MatchRegex(new Regex($"^{regex}$", RegexOptions.Singleline));
    }
}
