using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Exo.Sdk.Transport.Tcp;

/// <summary>Addresses of TCP endpoints: <c>host:port</c>, or <c>[address]:port</c> for IPv6.</summary>
internal static class TcpAddress
{
    /// <summary>Writes an address.</summary>
    /// <param name="host">A name or an IP address.</param>
    /// <param name="port">The port.</param>
    /// <returns>The text.</returns>
    public static string Format(string host, int port) => host.Contains(':', StringComparison.Ordinal)
        ? string.Create(CultureInfo.InvariantCulture, $"[{host}]:{port}")
        : string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");

    /// <summary>Counts the addresses of one machine, as far as they tell.</summary>
    /// <param name="addresses">Addresses.</param>
    /// <param name="address">One of them.</param>
    /// <returns>How many have the same host.</returns>
    public static int CountOnSameHost(IReadOnlyList<string> addresses, string address)
    {
        string host = address[..(address.LastIndexOf(':') + 1)];
        return addresses.Count(other => other.StartsWith(host, StringComparison.Ordinal) && other.LastIndexOf(':') == host.Length - 1);
    }

    /// <summary>Finds the endpoint of an address, by name resolution where it holds a name.</summary>
    /// <param name="address">The text.</param>
    /// <returns>The endpoint.</returns>
    /// <exception cref="ConfigurationException">It is not an address, or its name is unknown.</exception>
    public static IPEndPoint Resolve(string address)
    {
        int colon = address.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            throw new ConfigurationException($"'{address}' is not a TCP address; expected host:port or [address]:port.");
        }

        return new IPEndPoint(ResolveHost(address[..colon].Trim('[', ']')), port);
    }

    /// <summary>Finds the IP address of a host.</summary>
    /// <param name="host">A name or an IP address.</param>
    /// <returns>The first address, IPv4 before IPv6.</returns>
    /// <exception cref="ConfigurationException">The name is unknown.</exception>
    public static IPAddress ResolveHost(string host)
    {
        if (IPAddress.TryParse(host, out IPAddress? literal))
        {
            return literal;
        }

        try
        {
            return Dns.GetHostAddresses(host).OrderBy(found => found.AddressFamily == AddressFamily.InterNetwork ? 0 : 1).First();
        }
        catch (Exception unknown) when (unknown is SocketException or ArgumentException or InvalidOperationException)
        {
            throw new ConfigurationException($"The host '{host}' is unknown: {unknown.Message}");
        }
    }
}
