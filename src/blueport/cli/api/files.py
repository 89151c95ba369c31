"""`blueport files`: bytes on their way to the server, and back."""

import argparse
import sys
from pathlib import Path

from blueport.cli.api import calling, working
from blueport.cli.api.calling import Command, Session
from blueport.cli.api.errors import UsageError
from blueport_sdk import Download

_PURPOSE = "Keep files on the server, to be sent by their ids (file_...), and get them back."
_STANDARD_OUTPUT = "-"


def main(arguments: list[str]) -> None:
    """Do what is asked about files."""
    calling.run_noun("files", _PURPOSE, COMMANDS, arguments)


def _upload_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="the file")
    parser.add_argument("--name", help="what people will see it called (its own name)")
    parser.add_argument("--type", metavar="TYPE", help="what it is, as image/png (found by its name)")


def _upload(session: Session, options: argparse.Namespace) -> None:
    file = working.uploaded(session.client, options.path, name=options.name, mime_type=options.type)
    session.tell(file, file.id)


def _file_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="ID", help="file_...")


def _url(session: Session, options: argparse.Namespace) -> None:
    url = session.client.get_file_url(id=options.file)
    session.tell(url, url.url, "whoever has this address can read the file, for some minutes")


def _download_options(parser: argparse.ArgumentParser) -> None:
    _file_argument(parser)
    parser.add_argument("path", nargs="?", metavar="PATH", help="where to, - for standard output (its name, here)")
    parser.add_argument("--force", action="store_true", help="write over what is there")


def _download(session: Session, options: argparse.Namespace) -> None:
    file = session.client.download_file(id=options.file)
    if options.path == _STANDARD_OUTPUT:
        sys.stdout.buffer.write(file.data)
        return
    path = Path(options.path or _own_name(file, options.file))
    _write(path, file.data, replaces=options.force)
    told = {"path": str(path), "filename": file.filename, "mime_type": file.mime_type, "size": len(file.data)}
    session.tell(told, str(path))


def _own_name(file: Download, file_id: str) -> str:
    """Return what the file is called, in this folder: strangers name files."""
    name = "".join(each for each in Path(file.filename or "").name if each.isprintable()).lstrip(".")
    return name or file_id


def _write(path: Path, content: bytes, *, replaces: bool) -> None:
    try:
        with path.open("wb" if replaces else "xb") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError(f"{path} is there already: name another path, or say --force") from None


COMMANDS = (
    Command(
        "upload", "keep a file on the server; prints its id", _upload_options, _upload, ("files upload photo.jpg",)
    ),
    Command(
        "url",
        "print an address where anybody can read a file, for some minutes",
        _file_argument,
        _url,
        ("files url file_...",),
    ),
    Command(
        "download",
        "write a file's bytes to this machine; prints where to",
        _download_options,
        _download,
        ("files download file_...", "files download file_... photo.jpg", "files download file_... - | wc -c"),
    ),
)
