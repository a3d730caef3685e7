#!/usr/bin/env bash
# The wheels that are given to others, in target/wheels: for x86_64 and aarch64, for Linux with a C library as old as it can be and
# for Alpine. Zig is the linker, since it has every version of every C library inside.
#     tools/wheels.sh [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

tools=target/wheel-tools
if [ ! -x "$tools/bin/maturin" ]; then
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet 'maturin[zig]>=1.12,<2'
fi
PATH="$PWD/$tools/bin:$PATH"
# Inside the package: maturin takes nothing from elsewhere.
cargo xtask bill fervor-py > crates/fervor-py/fervor-py.cdx.json

targets=("$@")
if [ $# = 0 ]; then
  targets=(x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl)
fi
for target in "${targets[@]}"; do
  rustup target add "$target"
  case $target in
    # The oldest that this Rust runs on.
    *-gnu) like=(--compatibility manylinux2014) ;;
    *) like=(--compatibility musllinux_1_2) ;;
  esac
  maturin build --release --zig --target "$target" "${like[@]}" --sbom-include fervor-py.cdx.json -m crates/fervor-py/Cargo.toml --out target/wheels
done
ls -l target/wheels
