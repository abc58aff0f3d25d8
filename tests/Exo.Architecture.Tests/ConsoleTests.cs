using System.Text.RegularExpressions;

namespace Exo.Architecture.Tests;

/// <summary>What the command says to people goes through one room, which makes it harmless.</summary>
public sealed partial class ConsoleTests
{
    [Fact]
    public void Only_the_room_for_it_writes_to_the_console()
    {
        string cli = ShippedProject.All.Single(project => Path.GetFileName(project.Folder) == "Exo.Cli").Folder;
        IEnumerable<string> files = Directory.EnumerateFiles(cli, "*.cs", SearchOption.AllDirectories)
            .Where(file => !Elsewhere().IsMatch(Path.GetRelativePath(cli, file).Replace('\\', '/')));

        files.SelectMany(file => Writing().Matches(File.ReadAllText(file)).Select(call => $"{Path.GetRelativePath(cli, file)}: {call.Value}")).Should().BeEmpty();
    }

    [GeneratedRegex("^(Output|bin|obj)/")]
    private static partial Regex Elsewhere();

    [GeneratedRegex(@"\bConsole\.(Write|Out\b|Error\b|OpenStandard(Output|Error))\w*")]
    private static partial Regex Writing();
}
