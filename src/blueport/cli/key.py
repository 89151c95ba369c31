"""`blueport key`: makes an API key, or what else is secret; nothing knows it until a server is told."""

import argparse

from blueport.cli.parsing import Parser
from blueport.server.authorizing.keys import new_daemon_token, new_key
from blueport.server.sealing import new_sealing_key


def main(arguments: list[str]) -> None:
    """Print a new secret."""
    print(_parser().parse_args(arguments).make())


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="blueport key", description=__doc__)
    kinds = parser.add_mutually_exclusive_group()
    for option, make, purpose in (
        ("--daemon", new_daemon_token, "a token for a daemon instead of an API key"),
        ("--secrets", new_sealing_key, "a key that secrets of webhooks are sealed under (BLUEPORT_SECRETS_KEY)"),
    ):
        kinds.add_argument(option, dest="make", action="store_const", const=make, default=new_key, help=purpose)
    return parser
