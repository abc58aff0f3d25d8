using System.Text;
using Exo.Sdk.Input;

namespace Exo.Cli.Output;

/// <summary>
/// Generated text on standard output as plain UTF-8 without a mark, flushed at every write so that it appears as it comes. On a terminal
/// its control characters are escaped, because a model may be made to write what steers one; files and pipes get every character.
/// </summary>
internal sealed class TextOutput : IDisposable
{
    private readonly Stream _stream = Console.OpenStandardOutput();
    private readonly bool _isTerminal = !Console.IsOutputRedirected;

    public void Write(string text)
    {
        if (text.Length > 0)
        {
            _stream.Write(Encoding.UTF8.GetBytes(_isTerminal ? HostileText.KeepReadable(text) : text));
            _stream.Flush();
        }
    }

    public void Dispose() => _stream.Dispose();
}
