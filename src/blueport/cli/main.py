"""`blueport VERB ...`: finds the verb's module and lets it run."""

import importlib
import sys

VERBS = {
    "dev": "server, simulated Mac and daemon in one go, to build against",
    "serve": "the server",
    "daemon": "the daemon on a Mac",
    "simulate": "a simulated Mac",
}


def main() -> None:
    """Run the verb that the command line names."""
    verb = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if verb in VERBS:
        # Only this verb's module is loaded: `dev` watches over the others, and should weigh next to nothing.
        importlib.import_module(f"blueport.cli.{verb}").main(sys.argv[2:])
        return
    is_asked = verb in ("-h", "--help")
    print(_usage(), file=sys.stdout if is_asked else sys.stderr)
    sys.exit(0 if is_asked else 2)


def _usage() -> str:
    verbs = "\n".join(f"  {name:10}{purpose}" for name, purpose in VERBS.items())
    return f"usage: blueport VERB [OPTIONS]\n\n{verbs}\n\n`blueport VERB --help` tells the options of a verb."


if __name__ == "__main__":
    main()
