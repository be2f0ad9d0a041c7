#!/usr/bin/env bash
# Other people's WebSocket clients against `plimsoll serve`: Node's ws, Python's websockets, Chromium, and Autobahn's test suite.
#
#   tests/conformance/run.sh [--program FILE] [--python FILE] [node|python|browser|autobahn]...
#
# Without names, all of them. They take Node with npm; Python 3.11 or later with venv; chromium (or what $CHROMIUM
# names); Python 2.7 with pip (--python, see autobahn.sh). What is missing is said, and counts as a failure.
set -euo pipefail
# shellcheck source=tests/conformance/common.sh
. "$(dirname "$0")/common.sh"

ws=8.23.0 websockets=17.4
options=() checks=()
while [ $# -gt 0 ]; do
  case $1 in
    --program) program=${2:?--program takes a file}; options+=("$1" "$2"); shift 2 ;;
    --python) options+=("$1" "${2:?--python takes a file}"); shift 2 ;;
    node | python | browser | autobahn) checks+=("$1"); shift ;;
    *) fail "no such option: $1" 2 ;;
  esac
done
if [ ${#checks[@]} -eq 0 ]; then checks=(node python browser autobahn); fi

check_node() {
  command -v node >/dev/null && command -v npm >/dev/null || fail "node and npm are not there (Debian: nodejs, npm)" 3
  local folder=$tools/ws-$ws
  if [ ! -e "$folder/complete" ]; then
    rm -rf "$folder" && mkdir "$folder" && printf '{"private": true}\n' >"$folder/package.json" &&
      npm install --silent --no-audit --no-fund --prefix "$folder" "ws@$ws" && touch "$folder/complete" ||
      fail "npm can't install ws@$ws" 3
  fi
  node "$here/node.mjs" "$folder" "$url"
}

check_python() {
  python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "python3 (3.11 or later, with venv) is not there (Debian: python3, python3-venv)" 3
  local folder=$tools/websockets-$websockets
  if [ ! -e "$folder/complete" ]; then
    rm -rf "$folder" && python3 -m venv "$folder" &&
      "$folder/bin/pip" install --quiet --disable-pip-version-check "websockets==$websockets" && touch "$folder/complete" ||
      fail "pip can't install websockets==$websockets" 3
  fi
  "$folder/bin/python" "$here/websockets_client.py" "$url"
}

check_browser() {
  local browser=${CHROMIUM:-chromium}
  command -v "$browser" >/dev/null || fail "'$browser' is not there (Debian: chromium; else \$CHROMIUM says where)" 3
  # Its sandbox refuses to work for root; the page is our own.
  local sandbox=()
  if [ "$(id -u)" -eq 0 ]; then sandbox=(--no-sandbox); fi
  "$browser" --headless --disable-gpu "${sandbox[@]}" --user-data-dir="$run/profile" --no-first-run \
    --disable-background-networking --disable-component-update --disable-dev-shm-usage --enable-logging=stderr \
    --remote-debugging-port=0 "file://$here/browser.html?$url" >"$run/browser.out" 2>"$run/browser.err" &
  local pid=$! result= tries
  for ((tries = 0; tries < 600; tries++)); do
    result=$(sed -n 's|.*"RESULT: \(.*\)", source.*|\1|p' "$run/browser.err")
    if [ -n "$result" ] || ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  if [ "$result" = passed ]; then return; fi
  if [ -z "$result" ]; then tail -n 20 "$run/browser.err" >&2; fi
  fail "the browser says: ${result:-nothing within 60 s}"
}

check_autobahn() {
  "$here/autobahn.sh" "${options[@]}"
}

one() {
  prepare
  if [ "$1" != autobahn ]; then start_server --set "workload.heartbeat={every: 1 s}"; fi
  "check_$1"
  if [ -n "$server" ]; then stop_server; fi
}

if [ ${#checks[@]} -eq 1 ]; then
  one "${checks[0]}"
  exit
fi
# Each in a process of its own: what fails in it ends only that one.
passed=0 failed=0
for check in "${checks[@]}"; do
  printf -- '--- %s\n' "$check"
  started=$SECONDS code=0
  "$0" "${options[@]}" "$check" || code=$?
  if [ "$code" -eq 0 ]; then
    passed=$((passed + 1))
    printf 'passed in %d s\n' "$((SECONDS - started))"
  else
    failed=$((failed + 1))
    printf 'FAILED: %s (exit code %d)\n' "$check" "$code"
  fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
