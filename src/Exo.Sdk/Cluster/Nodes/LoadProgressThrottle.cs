namespace Exo.Sdk.Nodes;

/// <summary>Lets a progress report through when enough has changed to be worth telling.</summary>
internal sealed class LoadProgressThrottle(Action<LoadProgress> report) : IProgress<LoadProgress>
{
    private const int Steps = 50;
    private int _last = -1;

    public void Report(LoadProgress value)
    {
        int step = value.TotalBytes > 0 ? (int)((double)value.LoadedBytes / value.TotalBytes * Steps) : Steps;
        if (Interlocked.Exchange(ref _last, step) != step)
        {
            report(value);
        }
    }
}
