using System.Globalization;
using Exo.Sdk;

namespace Exo.Cli.Output;

/// <summary>Shows a cluster's start on standard error: one line that renews itself on a terminal, nothing elsewhere.</summary>
internal sealed class StatusLine : IProgress<ClusterProgress>
{
    private readonly Lock _gate = new();
    private readonly bool _isTerminal = !Console.IsErrorRedirected;
    private readonly Dictionary<int, (long Loaded, long Total)> _ranks = [];
    private int _width;

    public void Report(ClusterProgress value)
    {
        lock (_gate)
        {
            if (value.Stage == ClusterStage.Loading)
            {
                _ranks[value.Rank] = (value.LoadedBytes, value.TotalBytes);
            }

            Show(value.Stage switch
            {
                ClusterStage.ReadingModel => "reading the model",
                ClusterStage.StartingNodes => "starting ranks",
                ClusterStage.Planning => "planning",
                ClusterStage.Loading => "loading " + string.Join(", ", _ranks.OrderBy(rank => rank.Key).Select(rank => string.Create(
                    CultureInfo.InvariantCulture,
                    $"rank {rank.Key} {(rank.Value.Total == 0 ? 1 : (double)rank.Value.Loaded / rank.Value.Total):P0}"))),
                _ => "",
            });
        }
    }

    /// <summary>Removes the line.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            Show("");
        }
    }

    private void Show(string text)
    {
        if (_isTerminal)
        {
            // The carriage returns are the line's own; the text is ours and holds numbers alone.
            Console.Error.Write('\r' + text.PadRight(_width) + (text.Length == 0 ? "\r" : ""));
            _width = text.Length;
        }
    }
}
