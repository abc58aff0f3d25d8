#!/usr/bin/env bash
# Packs every package into artifacts/packages, then writes a new console project outside the repository that references
# them from that folder, and runs it. What it prints must come from two processes.
set -euo pipefail
cd "$(dirname "$0")/.."
feed=$PWD/artifacts/packages
rm -rf "$feed"
dotnet pack -c Release -o "$feed"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > nuget.config <<XML
<configuration>
  <packageSources>
    <clear />
    <add key="local" value="$feed" />
    <add key="nuget.org" value="https://api.nuget.org/v3/index.json" protocolVersion="3" />
  </packageSources>
  <packageSourceMapping>
    <packageSource key="local"><package pattern="Exo.*" /></packageSource>
    <packageSource key="nuget.org"><package pattern="*" /></packageSource>
  </packageSourceMapping>
</configuration>
XML
version=$(basename "$feed"/Exo.Sdk.[0-9]*.nupkg .nupkg | sed 's/^Exo\.Sdk\.//')
cat > Consumer.csproj <<XML
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <DefineConstants Condition="'\$(WithOnnxRuntime)' == 'true'">\$(DefineConstants);WITH_ONNX_RUNTIME</DefineConstants>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Exo.Sdk" Version="$version" />
    <PackageReference Include="Exo.Sdk.TinyModel" Version="$version" />
    <PackageReference Include="Exo.Sdk.Testing" Version="$version" />
    <PackageReference Include="Exo.Sdk.Rdma" Version="$version" />
    <PackageReference Include="Exo.Sdk.Mlx" Version="$version" />
    <PackageReference Include="Exo.Sdk.OnnxRuntime" Version="$version" Condition="'\$(WithOnnxRuntime)' == 'true'" />
  </ItemGroup>
</Project>
XML
cat > Program.cs <<'CS'
using Exo.Sdk;
using Exo.Sdk.Mlx;
using Exo.Sdk.Rdma;
#if WITH_ONNX_RUNTIME
using Exo.Sdk.OnnxRuntime;
#endif

await using Cluster cluster = await new ClusterBuilder()
    .UseModel(TinyModel.Path)
    .UseLocalRanks(2, RankHosting.ChildProcess)
    .UseRdma()
#if WITH_ONNX_RUNTIME
    .UseOnnxRuntime()
    .UseBackend("onnxruntime")
#endif
    .BuildAsync();
await foreach (GeneratedToken token in cluster.GenerateAsync("What is 2 plus 3?", GenerationOptions.Greedy))
    Console.Write(token.Text);
Console.WriteLine();
int processes = (await cluster.GetRankStatusAsync()).Select(rank => rank.Memory.ProcessId).Distinct().Count();
Console.WriteLine($"{processes} processes on {cluster.Backend} over {cluster.Transport}: {cluster.TransportReason}");
Console.WriteLine($"mlx: {new MlxBackend().Probe().Reason}");
return processes == 2 ? 0 : 1;
CS
# A folder of its own, so that no package of an earlier run is taken from the user's cache.
NUGET_PACKAGES=$work/cache timeout 300 dotnet run -c Release
if [[ -n $(find bin "$work/cache" -iname '*onnxruntime*' -print -quit) ]]; then
    echo "use-packages: a program that did not ask for ONNX Runtime got it" >&2
    exit 1
fi
NUGET_PACKAGES=$work/cache timeout 300 dotnet run -c Release -p:WithOnnxRuntime=true
NUGET_PACKAGES=$work/cache timeout 300 dotnet tool install exo.cli --tool-path "$work/tool" --configfile nuget.config --version "$version"
"$work/tool/exo" run --processes --ranks 2 --temperature 0 "What is 2 plus 3?"
