"""`python -m fastlin` is the command `fastlin`."""

import sys

from fastlin.cli import main

sys.exit(main())
