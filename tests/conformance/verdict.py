"""Reads the index of an Autobahn report: a table by section, and exit code 1 unless every case is as it should be.

    verdict.py INDEX CASES    where CASES is how many there have to be

Runs on Python 2.7 and 3."""

from __future__ import print_function

import json
import sys

GOOD = ("OK", "NON-STRICT", "INFORMATIONAL")
# Extensions are optional: what isn't agreed on (a smaller window of the server's) is not tested.
OPTIONAL = ("12", "13")


def right(case, result):
    behaviour, close = result["behavior"], result["behaviorClose"]
    if behaviour == "UNIMPLEMENTED":
        return case.split(".")[0] in OPTIONAL
    return behaviour in GOOD and close in GOOD


def main():
    with open(sys.argv[1]) as file:
        agents = json.load(file)
    wanted = int(sys.argv[2])
    if len(agents) != 1:
        sys.exit("FAILED: the report is on %d servers instead of one" % len(agents))
    (results,) = agents.values()
    kinds = GOOD + ("UNIMPLEMENTED", "failed")
    table, wrong = {}, []
    for case, result in results.items():
        section = int(case.split(".")[0])
        kind = result["behavior"] if right(case, result) else "failed"
        if kind == "failed":
            wrong.append((case, result))
        row = table.setdefault(section, dict.fromkeys(kinds, 0))
        row[kind] += 1
    print("| section | cases | " + " | ".join(kinds) + " |")
    print("|---|" + "---|" * (1 + len(kinds)))
    total = {kind: sum(row[kind] for row in table.values()) for kind in kinds}
    for name, row in [(str(section), table[section]) for section in sorted(table)] + [("all", total)]:
        print("| %s | %d | " % (name, sum(row.values())) + " | ".join(str(row[kind]) for kind in kinds) + " |")
    for case, result in sorted(wrong):
        print("FAILED: case %s: %s, close %s" % (case, result["behavior"], result["behaviorClose"]))
    if len(results) != wanted:
        sys.exit("FAILED: %d cases were run instead of %d" % (len(results), wanted))
    sys.exit(1 if wrong else 0)


main()
