# What the scripts beside this file share. The one that includes it has said `set -euo pipefail`.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=${CARGO_TARGET_DIR:-$here/../../target}/release/plimsoll
# Installed tools stay here for the next run; the folder is the user's own.
tools=${TMPDIR:-/tmp}/plimsoll-conformance-$(id -u)
run=
server=

# Says what is wrong and what to do, and ends the script.
fail() {
  printf 'FAILED: %s\n' "$1" >&2
  exit "${2:-1}"
}

# Makes the folders: one for tools, and one for this run, which goes away with it.
prepare() {
  mkdir -p -m 700 "$tools"
  [ -O "$tools" ] && [ ! -L "$tools" ] || fail "$tools belongs to somebody else: set TMPDIR to a folder of yours" 3
  run=$(mktemp -d "$tools/run.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

clean_up() {
  local code=$?
  trap - EXIT
  if [ -n "$server" ]; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$run"
  exit "$code"
}

# Starts `plimsoll serve` on a free port, with further arguments; its address is then in $url.
start_server() {
  [ -x "$program" ] || fail "$program is not there: cargo build --release, or --program FILE" 3
  : >"$run/server.out"
  "$program" serve "$here/echo.yaml" --listen 127.0.0.1:0 --format json "$@" >"$run/server.out" 2>"$run/server.err" &
  server=$!
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    url=$(sed -n 's|.*"listening":\["\(ws://[^"]*\)".*|\1|p' "$run/server.out")
    if [ -n "$url" ]; then return; fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  cat "$run/server.err" >&2
  fail "plimsoll serve does not listen" 3
}

# Ends the server, which has to be there still and to end well. Its totals are then in $run/server.out.
stop_server() {
  kill -TERM "$server" 2>/dev/null || { cat "$run/server.err" >&2; fail "the server is no longer there"; }
  local code=0
  wait "$server" || code=$?
  server=
  [ "$code" -eq 0 ] || { cat "$run/server.err" >&2; fail "the server ended with exit code $code"; }
}
