"""A part of a run, as `fastlin.benchmark.run` starts it: the part as JSON in, what came of it as JSON out."""

import json
import sys

from fastlin.benchmark import rows, run

# Whatever a peer prints must not come between.
out, sys.stdout = sys.stdout, sys.stderr
json.dump(rows.measure(run.part_of(json.load(sys.stdin))), out)
