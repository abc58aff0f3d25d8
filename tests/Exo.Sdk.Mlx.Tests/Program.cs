using Exo.Sdk.Mlx.Tests.Support;

return RankProcess.Run(args);
