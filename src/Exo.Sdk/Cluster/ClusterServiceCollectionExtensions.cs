using System.Diagnostics.Metrics;
using Exo.Sdk;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds a cluster to a host program's services.</summary>
public static class ClusterServiceCollectionExtensions
{
    /// <summary>
    /// Adds a <see cref="ClusterProvider"/> that starts the cluster when it is first asked for, with the services' logger factory,
    /// meter factory and clock, and ends it with the service provider.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Says what the cluster is made of.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddExoCluster(this IServiceCollection services, Action<IServiceProvider, ClusterBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.TryAddSingleton(provider =>
        {
            ClusterBuilder builder = new();
            if (provider.GetService<ILoggerFactory>() is { } loggers)
            {
                builder.UseLoggerFactory(loggers);
            }

            if (provider.GetService<IMeterFactory>() is { } meters)
            {
                builder.UseMeterFactory(meters);
            }

            if (provider.GetService<TimeProvider>() is { } time)
            {
                builder.UseTimeProvider(time);
            }

            configure(provider, builder);
            return new ClusterProvider(builder);
        });
        return services;
    }

    /// <inheritdoc cref="AddExoCluster(IServiceCollection, Action{IServiceProvider, ClusterBuilder})"/>
    public static IServiceCollection AddExoCluster(this IServiceCollection services, Action<ClusterBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return services.AddExoCluster((_, builder) => configure(builder));
    }
}
