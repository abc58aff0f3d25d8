#!/usr/bin/env bash
# Writes new public members into each package's PublicAPI.Unshipped.txt. Review the diff: it is the change of the public surface.
set -euo pipefail
cd "$(dirname "$0")/.."
for project in src/*/; do
  case $project in src/Exo.Cli/) continue ;; esac
  for file in Shipped Unshipped; do
    [ -f "$project/PublicAPI.$file.txt" ] || printf '#nullable enable\n' > "$project/PublicAPI.$file.txt"
  done
  dotnet format analyzers "$project" --diagnostics RS0016 RS0017 --severity warn
done
