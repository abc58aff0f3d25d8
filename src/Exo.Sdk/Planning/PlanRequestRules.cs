using System.Globalization;

namespace Exo.Sdk.Planning;

/// <summary>What a sound <see cref="PlanRequest"/> holds.</summary>
internal static class PlanRequestRules
{
    // Far above any use; they keep sizes in bytes within 64 bits.
    private const int MostSequences = 1 << 16;
    private const int MostBatchTokens = 1 << 20;

    /// <summary>Refuses a request that makes no sense for any model.</summary>
    /// <param name="request">The request.</param>
    /// <exception cref="ConfigurationException">It names the field, its value and what it may be.</exception>
    public static void Validate(PlanRequest request)
    {
        int ranks = request.Devices.Count;
        Require(ranks > 0, $"Devices is empty; a plan needs at least one machine.");
        Require(request.ContextLength > 0, $"ContextLength is {request.ContextLength}; it must be at least 1.");
        Require(
            request.MaxSequences is > 0 and <= MostSequences,
            $"MaxSequences is {request.MaxSequences}; it must be from 1 to {MostSequences}.");
        Require(
            request.MaxBatchTokens is > 0 and <= MostBatchTokens,
            $"MaxBatchTokens is {request.MaxBatchTokens}; it must be from 1 to {MostBatchTokens}.");
        for (int rank = 0; rank < ranks; rank++)
        {
            DeviceProfile device = request.Devices[rank];
            Require(device.AvailableMemory >= 0, $"Devices[{rank}].AvailableMemory is {device.AvailableMemory}; it must not be negative.");
            Require(
                double.IsFinite(device.MemoryBandwidth) && device.MemoryBandwidth >= 0,
                $"Devices[{rank}].MemoryBandwidth is {device.MemoryBandwidth}; it must be a number of at least 0.");
        }

        if (request.Shares is { } shares)
        {
            Require(shares.Count == ranks, $"Shares has {shares.Count} entries for {ranks} ranks; it needs one for each.");
            for (int rank = 0; rank < ranks; rank++)
            {
                Require(shares[rank] is > 0 and <= 1e9, $"Shares[{rank}] is {shares[rank]}; it must be above 0 and at most 1e9.");
            }
        }
    }

    private static void Require(bool condition, FormattableString message)
    {
        if (!condition)
        {
            throw new ConfigurationException(message.ToString(CultureInfo.InvariantCulture));
        }
    }
}
