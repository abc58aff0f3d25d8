using System.Text;

namespace Exo.Cli.Output;

/// <summary>Standard output as plain UTF-8 without a mark, flushed at every write so that text appears as it comes.</summary>
internal sealed class TextOutput : IDisposable
{
    private readonly Stream _stream = Console.OpenStandardOutput();

    public void Write(string text)
    {
        if (text.Length > 0)
        {
            _stream.Write(Encoding.UTF8.GetBytes(text));
            _stream.Flush();
        }
    }

    public void Dispose() => _stream.Dispose();
}
