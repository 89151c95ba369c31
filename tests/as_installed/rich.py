"""Stands before the real one in all processes that tests start, as if it were not there: no installation has it.

The tools of development bring it, structlog would draw tracebacks with it, and to load it is a tenth of a daemon's
start.
"""

raise ImportError("no installation has it")
