"""`blueport key`: makes a secret for an API key or a daemon; nothing knows it until a server is told."""

import argparse

from blueport.server.authorizing.keys import new_daemon_token, new_key


def main(arguments: list[str]) -> None:
    """Print a new secret."""
    print(new_daemon_token() if _parser().parse_args(arguments).daemon else new_key())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="blueport key", description=__doc__)
    parser.add_argument("--daemon", action="store_true", help="a token for a daemon instead of an API key")
    return parser
