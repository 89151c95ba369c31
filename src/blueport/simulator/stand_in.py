"""Stands in for `osascript` and `killall`: obeys the scripts that send text or a file, as Messages would.

Started once for each send, so it has to be quick: it is run as a file, by itself, with nothing but the fast parts of
the standard library. It finds out what the script wants and asks the simulated Messages, which listens on this host.

    stand_in.py HOME - ARGUMENT...          the script on standard input
    stand_in.py HOME FILE ARGUMENT...
    stand_in.py HOME killall Messages
"""

import os
import socket
import sys

SYNTAX_ERROR, NO_SUCH_OBJECT, NO_SUCH_FILE, NOT_RUNNING, CONNECTION_LOST = -2741, -1728, -43, -600, -609
NOT_ALLOWED, NOT_DEFINED = -1743, -2753
# No numbers of AppleScript's: these are for `imsg`.
NO_BRIDGE, BUSY, IN_FLIGHT, DYING = 1, 2, 3, 4
_SERVICES = ("iMessage", "SMS", "RCS")


class ScriptError(Exception):
    """The script failed, with a number as AppleScript has them."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"execution error: {message} ({number})")
        self.number = number
        self.message = message


def main() -> None:
    """Obey, or say on standard error why not."""
    home, source, *arguments = sys.argv[1:]
    given = [os.fsencode(argument) for argument in arguments]
    try:
        answer = ask(home, [b"kill", *given] if source == "killall" else wish(script(source), given))
    except ScriptError as error:
        sys.stderr.buffer.write(f"{source}:1:2: {error}\n".encode())
        sys.exit(1)
    sys.stdout.buffer.write(answer)


def script(source: str) -> str:
    """Return the script, without the brackets and line breaks in which two that mean the same may differ."""
    if source == "-":
        raw = sys.stdin.buffer.read()
    else:
        with open(source, "rb") as file:  # noqa: PTH123 - pathlib takes longer to load than all the rest
            raw = file.read()
    return " ".join(raw.decode(errors="replace").replace("(", " ").replace(")", " ").split())


def wish(script: str, arguments: list[bytes]) -> list[bytes]:
    """Return what the script wants of Messages, as words that its listener knows."""
    if 'tell application "Messages"' not in script:
        raise ScriptError(SYNTAX_ERROR, "Expected end of line but found identifier.")
    if " send " not in script:
        return _question(script)
    if len(arguments) <= 1:
        raise ScriptError(NO_SUCH_OBJECT, f"Can\u2019t get item {len(arguments) + 1} of {{}}.")
    what, content = _sent(script, arguments[1])
    if " chat id item 1 of argv" in script:
        return [what, b"chat", arguments[0], b"", content]
    if " participant item 1 of argv" in script:
        service = next((name for name in _SERVICES if f"service type = {name}" in script), _SERVICES[0])
        return [what, b"participant", arguments[0], service.encode(), content]
    raise ScriptError(SYNTAX_ERROR, "Expected expression but found unknown token.")


def ask(home: str, words: list[bytes]) -> bytes:
    """Tell Messages, wait as long as it takes, and return what it prints."""
    connection = told(home, words)
    with connection:
        try:
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            answer = b""
    verdict, _, rest = answer.partition(b"\0")
    if not verdict:
        raise ScriptError(CONNECTION_LOST, "Messages got an error: Connection is invalid.")
    if verdict != b"0":
        raise ScriptError(int(verdict), rest.decode())
    return rest


def told(home: str, words: list[bytes]) -> socket.socket:
    """Tell Messages, and return the connection on which it answers."""
    connection, token = _connected(home)
    payload = b"".join(b"%08d%b" % (len(word), word) for word in (token, *words))
    try:
        connection.sendall(b"%08d%b" % (len(payload), payload))
    except OSError as error:
        connection.close()
        raise ScriptError(CONNECTION_LOST, "Messages got an error: Connection is invalid.") from error
    return connection


def _sent(script: str, argument: bytes) -> tuple[bytes, bytes]:
    if "«class utf8»" in script:
        return b"text", _content(argument)
    if "POSIX file item 2 of argv" not in script:
        return b"text", argument
    if " as alias" in script and not os.path.exists(argument):  # noqa: PTH110 - as for pathlib below
        raise ScriptError(NO_SUCH_FILE, f"File {os.fsdecode(argument)} wasn\u2019t found.")
    return b"file", argument


def _question(script: str) -> list[bytes]:
    if "id of every chat" in script:
        return [b"chats", b"\n" if "text item delimiters to linefeed" in script else b", "]
    if "count accounts" in script:
        return [b"count"]
    if "in accounts" in script:
        return [b"accounts"]
    if " quit" in script:
        return [b"quit"]
    if "launch" in script or "activate" in script:
        return [b"launch"]
    raise ScriptError(SYNTAX_ERROR, "Expected expression but found unknown token.")


def _content(path: bytes) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return file.read()
    except OSError as error:
        raise ScriptError(NO_SUCH_FILE, f"File {os.fsdecode(path)} wasn\u2019t found.") from error


def _connected(home: str) -> tuple[socket.socket, bytes]:
    try:
        with open(f"{home}/messages.port", "rb") as file:  # noqa: PTH123 - as above
            port, token = file.read().split()
        return socket.create_connection(("127.0.0.1", int(port))), token  # noqa: TID251 - to Messages, on this machine
    except (OSError, ValueError) as error:
        raise ScriptError(NOT_RUNNING, "Messages got an error: Application isn\u2019t running.") from error


if __name__ == "__main__":
    main()
