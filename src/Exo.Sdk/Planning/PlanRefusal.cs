using System.Globalization;
using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>Explains why no plan fits the machines' memory, and looks for the change that would help.</summary>
internal static class PlanRefusal
{
    private const int MostExtraRanks = 32;

    /// <summary>Composes the refusal.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="request">What was asked for.</param>
    /// <param name="granularity">Where the model may be cut.</param>
    /// <param name="preferred">The plan that was wanted and does not fit.</param>
    /// <returns>The error, which names each rank that is short of memory and what would help.</returns>
    public static PlanRefusedException ForMemory(ModelSpec spec, PlanRequest request, Granularity granularity, ShardPlan preferred)
    {
        List<string> reasons = [.. preferred.Ranks.Zip(request.Devices)
            .Where(static pair => pair.First.TotalBytes > pair.Second.AvailableMemory)
            .Select(static pair => Shortage(pair.First, pair.Second))];
        List<string> remedies = [.. Remedies(spec, request, granularity)];
        reasons.Add(remedies.Count > 0 ? "what would help: " + string.Join(", or ", remedies) : Total(preferred, request));
        return new PlanRefusedException(reasons);
    }

    private static string Shortage(RankPlan rank, DeviceProfile device) => string.Create(
        CultureInfo.InvariantCulture,
        $"rank {rank.Assignment.Rank} ({device.Name}) needs {rank.TotalBytes} bytes "
            + $"({ByteSize.Format(rank.WeightBytes)} of weights, {ByteSize.Format(rank.KeyValueBytes)} of KV cache, "
            + $"{ByteSize.Format(rank.ActivationBytes)} of step buffers) and has {device.AvailableMemory}");

    private static string Total(ShardPlan plan, PlanRequest request) =>
        $"all ranks together need {ByteSize.Format(plan.Ranks.Sum(static rank => rank.TotalBytes))} and have "
            + $"{ByteSize.Format(request.Devices.Sum(static device => device.AvailableMemory))}: use machines with more memory or a smaller model";

    private static IEnumerable<string> Remedies(ModelSpec spec, PlanRequest request, Granularity granularity)
    {
        bool Helps(PlanRequest changed) => ShardPlanner.FirstThatFits(spec, changed, granularity) is not null;

        if (request.Shares is not null && Helps(request with { Shares = null }))
        {
            yield return "leaving the shares to the planner";
        }

        if (LongestContext(request, Helps) is { } tokens)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"a context of at most {tokens} tokens instead of {request.ContextLength}");
        }

        if (request.MaxSequences > 1 && Helps(request with { MaxSequences = 1 }))
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"fewer sequences at a time than {request.MaxSequences}");
        }

        DeviceProfile largest = request.Devices.MaxBy(static device => device.AvailableMemory)!;
        int most = Math.Min(granularity.MaxRanks, request.Devices.Count + MostExtraRanks);
        for (int ranks = request.Devices.Count + 1; ranks <= most; ranks++)
        {
            IEnumerable<DeviceProfile> added = Enumerable.Repeat(largest, ranks - request.Devices.Count);
            if (Helps(request with { Devices = [.. request.Devices, .. added], Shares = null }))
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{ranks} ranks instead of {request.Devices.Count} where each that is added has {ByteSize.Format(largest.AvailableMemory)}");
                break;
            }
        }
    }

    private static int? LongestContext(PlanRequest request, Func<PlanRequest, bool> helps)
    {
        int fits = 0;
        int tooLong = request.ContextLength;
        while (tooLong - fits > 1)
        {
            int middle = fits + ((tooLong - fits) / 2);
            (fits, tooLong) = helps(request with { ContextLength = middle }) ? (middle, tooLong) : (fits, middle);
        }

        return fits > 0 ? fits : null;
    }
}
