#!/usr/bin/env bash
# Trains every built-in model from nothing: about four hours on two cores. Interrupted, the same command goes on.
#   tools/train_models.sh fer2013.csv.xz ferplus.csv [FOLDER FOR RUNS]
set -euo pipefail
data=$(realpath "$1") votes=$(realpath "$2") recipes=$(realpath "$(dirname "$0")/../recipes")
mkdir -p "${3:-.}" && cd "${3:-.}"

# step RECIPE [OPTIONS]: the run's folder becomes runs/RECIPE.
step() {
  local name=$1 run= state
  shift
  if [ -e "runs/$name" ]; then return; fi
  for state in "runs/$name.parts"/*/{checkpoint,.checkpoint.old}/state.json; do
    if [ -e "$state" ]; then run=$(dirname "$(dirname "$state")"); break; fi
  done
  if [ -n "$run" ]; then
    fervor train --resume "$run" --data "$data" --votes "$votes"
  else
    # A run that was stopped before its first checkpoint starts again in its folder.
    fervor train "$recipes/$name.toml" --data "$data" --votes "$votes" --out "runs/$name.parts" "$@"
    run=$(find "runs/$name.parts" -mindepth 1 -maxdepth 1 -type d)
  fi
  mv "$run" "runs/$name"
  rmdir "runs/$name.parts"
}

step fervor-48
step fervor-48-distilled --set 'distill.teachers=["runs/fervor-48"]'
step fervor-48-votes --from runs/fervor-48-distilled
step fervor-48-narrow
step fervor-nano --set 'distill.teachers=["runs/fervor-48", "runs/fervor-48-narrow"]'
step fervor-nano-distilled --from runs/fervor-nano --set 'distill.teachers=["runs/fervor-48-distilled"]'

# ship RUN MODEL [OPTIONS]: the calibrated bundle, with weights of 16 bits.
ship() {
  local run=$1 model=$2
  shift 2
  fervor calibrate "runs/$run/best.onnx" "$data" --split validation --half --output "$model.onnx" "$@"
}

ship fervor-48-distilled fervor-48 --class-bias
ship fervor-nano-distilled fervor-nano --class-bias
ship fervor-48-votes fervor-48-votes --votes "$votes"
