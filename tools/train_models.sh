#!/usr/bin/env bash
# Trains every built-in model from nothing: about two hours on two cores, resumable by `fervor train --resume RUN`.
#   tools/train_models.sh fer2013.csv.xz ferplus.csv [FOLDER FOR RUNS]
set -euo pipefail
data=$(realpath "$1") votes=$(realpath "$2") recipes=$(realpath "$(dirname "$0")/../recipes")
mkdir -p "${3:-.}" && cd "${3:-.}"

# step RECIPE NAME [OPTIONS]: the run's folder becomes runs/NAME.
step() {
  local recipe=$1 name=$2
  shift 2
  if [ -e "runs/$name" ]; then return; fi
  fervor train "$recipes/$recipe.toml" --data "$data" --out "runs/$name.parts" "$@"
  mv runs/"$name".parts/*/ "runs/$name" && rmdir "runs/$name.parts"
}

step fervor-48 fervor-48 --votes "$votes"
step fervor-48-votes fervor-48-votes --votes "$votes" --from runs/fervor-48
step fervor-nano fervor-nano --votes "$votes" --set 'distill.teachers=["runs/fervor-48/best.onnx"]'
for name in fervor-48 fervor-nano; do
  fervor calibrate "runs/$name/best.onnx" "$data" --split validation --output "$name.onnx"
done
fervor calibrate runs/fervor-48-votes/best.onnx "$data" --votes "$votes" --split validation --output fervor-48-votes.onnx
