#!/usr/bin/env bash
# Licences, bans and sources of all dependencies, as deny.toml says; and the advisories on them, where their database can be had.
# Kept out of `.ci/run`, because cargo-deny takes minutes to build: run it when dependencies change.
#     tools/deny.sh            (cargo install cargo-deny --locked, once)
set -euo pipefail
cd "$(dirname "$0")/.."

cargo deny --version > /dev/null 2>&1 || { echo "cargo-deny is not installed: cargo install cargo-deny --locked"; exit 2; }
cargo deny --locked check licenses bans sources
cargo deny fetch db 2> /dev/null || { echo "advisories: not checked, their database cannot be fetched"; exit 0; }
cargo deny --locked check advisories
