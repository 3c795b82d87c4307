"""Try many cases: `python -m tests.nsd.fuzz --cases 10000`; each failure is printed with the words that repeat it.

Ctrl-C ends it with its counts.
"""

import argparse
import re
import sys
import time
from dataclasses import replace

from .run import KINDS, counts, outcomes

parser = argparse.ArgumentParser(prog="python -m tests.nsd.fuzz", description=__doc__)
parser.add_argument("--cases", type=int, default=1000, help="how many cases (default 1000)")
parser.add_argument("--first", type=int, default=0, help="number of the first one")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--only", default="", help="only files in whose place, or damages in whose name, this regular expression is found")
args = parser.parse_args()

kinds = tuple(k for k in KINDS if re.search(args.only, k.glob)) or tuple(
    replace(k, damages=some) for k in KINDS if (some := tuple(d for d in k.damages if re.search(args.only, d.name))))
began, done = time.time(), []
try:
    for outcome in outcomes(range(args.first, args.first + args.cases), args.seed, kinds):
        done.append(outcome)
        if outcome.failure:
            only = f" --only '{args.only}'" if args.only else ""
            print(f"FAILED {outcome.what} ({outcome.result}): {outcome.failure}\n  again: python -m tests.nsd.fuzz "
                  f"--seed {args.seed} --first {outcome.number} --cases 1{only}", flush=True)
except KeyboardInterrupt:
    print("stopped")
failed = sum(bool(o.failure) for o in done)
print(counts(done))
print(f"{len(done)} cases, {failed} failed, {time.time() - began:.0f} s, seed {args.seed}")
sys.exit(bool(failed))
