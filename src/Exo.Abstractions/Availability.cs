namespace Exo.Sdk;

/// <summary>What a transport or backend says of itself on this machine.</summary>
/// <param name="IsAvailable">Whether it can be used here and now.</param>
/// <param name="Reason">Why (not): for a refusal each path tried and what to do next.</param>
public readonly record struct Availability(bool IsAvailable, string Reason)
{
    /// <summary>It can be used.</summary>
    /// <param name="detail">For example the library's version.</param>
    /// <returns>A positive answer.</returns>
    public static Availability Yes(string detail) => new(true, detail);

    /// <summary>It cannot be used.</summary>
    /// <param name="reason">Why not, and what to do about it.</param>
    /// <returns>A negative answer.</returns>
    public static Availability No(string reason) => new(false, reason);
}
