#!/usr/bin/env bash
# Sends what the OpenAPI document allows, and much that it does not, and looks for answers that it does not describe.
#     pip install schemathesis
#     tools/service/schema.sh target/release/fervor
set -euo pipefail
cd "$(dirname "$0")/../.."

port=${PORT:-8399}
"$1" serve --port "$port" 2> /dev/null &
service=$!
trap 'kill "$service"' EXIT
until curl -sf "http://127.0.0.1:$port/readyz" > /dev/null; do sleep 0.1; done

# A WebSocket is not HTTP that a client of a schema can speak.
schemathesis run "http://127.0.0.1:$port/openapi.json" \
  --exclude-path /ws --max-examples "${EXAMPLES:-60}" --seed 1 --generation-database none \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance
