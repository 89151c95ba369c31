"""`blueport audit`: who changed what, the latest first."""

import argparse

from blueport.cli import operating
from blueport.cli.operating import Desk
from blueport.server.operating import service

LIMIT = 50


def main(arguments: list[str]) -> None:
    """Show the audit log."""
    operating.run_alone("audit", __doc__, _options, _show, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    operating.account_option(parser)
    parser.add_argument("--limit", type=operating.above_zero, default=LIMIT, help=f"how many entries ({LIMIT})")


def _show(desk: Desk, options: argparse.Namespace) -> None:
    rows = desk.done(lambda tx: service.entries(tx, options.account, options.limit))
    desk.show(rows, "at actor action target detail account_id request_id address")
