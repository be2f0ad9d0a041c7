#!/usr/bin/env bash
# Autobahn's test suite against the echo of `plimsoll serve`; exit code 0 if no case fails.
#
#   tests/conformance/autobahn.sh [--program FILE] [--python FILE] [--report FOLDER] [CASES COUNT]
#
# It takes Python 2.7 with pip: --python says which, else the PATH's python2.7. CASES is a pattern such as '9.*', and COUNT
# how many cases that is; without them all are run, which takes some ten minutes. --report keeps what the suite wrote.
set -euo pipefail
# shellcheck source=tests/conformance/common.sh
. "$(dirname "$0")/common.sh"

suite=0.8.2 virtualenv=20.15.1
python=python2.7 report= cases='*' count=517
while [ $# -gt 0 ]; do
  case $1 in
    --program) program=${2:?--program takes a file}; shift 2 ;;
    --python) python=${2:?--python takes a file}; shift 2 ;;
    --report) report=${2:?--report takes a folder}; shift 2 ;;
    [0-9]*) cases=$1 count=${2:?how many cases are there in "$1"?}; shift 2 ;;
    *) fail "no such option: $1" 2 ;;
  esac
done

install() {
  local folder=$tools/autobahn-$suite
  wstest=$folder/bin/wstest
  if [ -e "$folder/complete" ]; then return; fi
  [[ $("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>&1) == 2.7 ]] ||
    fail "Autobahn's test suite takes Python 2.7, which '$python' is not: --python FILE" 3
  "$python" -m pip --version >/dev/null 2>&1 || fail "'$python' has no pip" 3
  rm -rf "$folder"
  {
    "$python" -m pip install --quiet --disable-pip-version-check --target "$run/virtualenv" "virtualenv==$virtualenv" &&
      PYTHONPATH=$run/virtualenv "$python" -m virtualenv --quiet "$folder" &&
      "$folder/bin/pip" install --quiet --disable-pip-version-check "autobahntestsuite==$suite"
  } 2>"$run/install.err" || {
    cat "$run/install.err" >&2
    fail "autobahntestsuite==$suite can't be installed" 3
  }
  touch "$folder/complete"
}

prepare
install
start_server
cat >"$run/spec.json" <<SPEC
{"outdir": "$run/report", "servers": [{"agent": "plimsoll", "url": "$url"}],
 "cases": ["$cases"], "exclude-cases": [], "exclude-agent-cases": {}}
SPEC
code=0
"$wstest" -m fuzzingclient -s "$run/spec.json" >"$run/wstest.out" 2>&1 || code=$?
if [ -n "$report" ] && [ -d "$run/report" ]; then
  mkdir -p "$report"
  cp -R "$run/report/." "$report"
fi
[ "$code" -eq 0 ] && [ -s "$run/report/index.json" ] || { tail -n 20 "$run/wstest.out" >&2; fail "wstest ended with exit code $code"; }
code=0
"$(dirname "$wstest")/python" "$here/verdict.py" "$run/report/index.json" "$count" || code=$?
stop_server
exit "$code"
