"""The simulated launchd: starts the agents of whoever is logged in, and starts again those that are to be kept alive.

Agents are what they say they are: real processes of this machine, with the environment that launchd would give them.
They end with the Mac.
"""

import asyncio
import os
import plistlib
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from xml.parsers.expat import ExpatError

import msgspec

from blueport.simulator.apple_events import AppleEventError
from blueport.simulator.condition import condition_of

NOT_LOADED, NO_SUCH_SERVICE, ALREADY_LOADED, NO_DOMAIN, USAGE = 3, 113, 5, 125, 64
# A real one lets ThrottleInterval pass between two starts, ten seconds or more.
_THROTTLE_S = 0.2
_EXIT_TIMEOUT_S = 20


class Agent(msgspec.Struct, frozen=True, rename="pascal"):
    """What is read of an agent's plist."""

    label: str
    program_arguments: tuple[str, ...]
    environment_variables: dict[str, str] = {}
    run_at_load: bool = False
    keep_alive: bool = False
    working_directory: str = "/"
    standard_out_path: str = os.devnull
    standard_error_path: str = os.devnull

    @property
    def said_to(self) -> tuple[str, str]:
        """Where its standard output and its standard error go."""
        return self.standard_out_path, self.standard_error_path


class _Service:
    """A loaded agent."""

    def __init__(self, path: Path, agent: Agent) -> None:
        self.path = path
        self.agent = agent
        self.process: Process | None = None
        self.runs = 0
        self.last_exit = "(never exited)"
        self.keeping: asyncio.Task[None] | None = None

    def told(self) -> str:
        """Describe it as `launchctl print` does."""
        state = "running" if self.process is not None else "not running"
        pid = "" if self.process is None else f"\tpid = {self.process.pid}\n"
        arguments = "".join(f"\t\t{argument}\n" for argument in self.agent.program_arguments)
        return (
            f"{_domain()}/{self.agent.label} = {{\n\tactive count = {int(self.process is not None)}\n"
            f"\tpath = {self.path}\n\ttype = LaunchAgent\n\tstate = {state}\n\n"
            f"\tprogram = {self.agent.program_arguments[0]}\n\targuments = {{\n{arguments}\t}}\n\n"
            f"\tenvironment = {{\n\t\tXPC_SERVICE_NAME => {self.agent.label}\n\t}}\n\n"
            f"\truns = {self.runs}\n{pid}\tlast exit code = {self.last_exit}\n}}\n"
        )


class Launchd:
    """The agents of one Mac."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._services: dict[str, _Service] = {}

    def log_in(self) -> None:
        """Load what is to be loaded at each login, if somebody is logged in."""
        if condition_of(self._folder).has_session:
            for path in sorted((self._folder / "Library" / "LaunchAgents").glob("*.plist")):
                with suppress(AppleEventError):
                    self._load(path)

    async def close(self) -> None:
        """End all agents."""
        for label in list(self._services):
            await self._unload(label)

    async def obey(self, arguments: Sequence[str]) -> str:
        """Do what `launchctl` was told, and return what it prints.

        Raises:
            AppleEventError: It fails; the number is its exit status.
        """
        match arguments:
            case ["print", place]:
                return self._printed(place)
            case ["bootstrap", domain, path]:
                self._require_domain(domain, "Bootstrap failed: 125: Domain does not support specified action")
                self._load(Path(path))
            case ["bootout", place]:
                await self._boot_out(place)
            case ["enable", _]:
                pass
            case _:
                raise AppleEventError(USAGE, f"Unrecognized subcommand: {' '.join(arguments[:1])}")
        return ""

    def _printed(self, place: str) -> str:
        domain, _, label = place.removeprefix("gui/").partition("/")
        self._require_domain(f"gui/{domain}", f"Bad request.\nCould not find domain for: gui/{domain}")
        if not label:
            return f"{_domain()} = {{\n\ttype = login\n}}\n"
        if label not in self._services:
            message = f'Bad request.\nCould not find service "{label}" in domain for user gui: {domain}'
            raise AppleEventError(NO_SUCH_SERVICE, message)
        return self._services[label].told()

    def _require_domain(self, domain: str, refusal: str) -> None:
        if domain != _domain() or not condition_of(self._folder).has_session:
            raise AppleEventError(NO_DOMAIN, refusal)

    async def _boot_out(self, place: str) -> None:
        label = place.rpartition("/")[2]
        if label not in self._services:
            raise AppleEventError(NOT_LOADED, "Boot-out failed: 3: No such process")
        await self._unload(label)

    def _load(self, path: Path) -> None:
        try:
            agent = msgspec.convert(plistlib.loads(path.read_bytes()), Agent)
        except (OSError, ValueError, ExpatError, msgspec.ValidationError) as error:
            raise AppleEventError(ALREADY_LOADED, "Bootstrap failed: 5: Input/output error") from error
        if agent.label in self._services or not agent.program_arguments[0].startswith("/"):
            raise AppleEventError(ALREADY_LOADED, "Bootstrap failed: 5: Input/output error")
        service = self._services[agent.label] = _Service(path, agent)
        if agent.run_at_load or agent.keep_alive:
            service.keeping = asyncio.create_task(self._keep(service), name=agent.label)

    async def _unload(self, label: str) -> None:
        service = self._services.pop(label)
        if service.keeping is not None:
            service.keeping.cancel()
            await asyncio.wait({service.keeping})

    async def _keep(self, service: _Service) -> None:
        """Run an agent, again and again if it is to be kept alive; told to stop, see it end."""
        while True:
            service.runs += 1
            try:
                service.process = await self._started(service.agent)
                status = await service.process.wait()
            except OSError:
                status = 78
            except asyncio.CancelledError:
                await _ended(service.process)
                raise
            service.process = None
            service.last_exit = str(status) if status >= 0 else f"{128 - status}"
            if not service.agent.keep_alive:
                return
            await asyncio.sleep(_THROTTLE_S)

    async def _started(self, agent: Agent) -> Process:
        with ExitStack() as files:
            out, error = (files.enter_context(Path(path).open("ab")) for path in agent.said_to)  # noqa: ASYNC230 - no wait
            return await asyncio.create_subprocess_exec(
                *agent.program_arguments,
                stdin=DEVNULL,
                stdout=out,
                stderr=error,
                cwd=agent.working_directory,
                env=self._environment(agent),
                start_new_session=True,
            )

    def _environment(self, agent: Agent) -> dict[str, str]:
        # What this machine's Python needs to find us, and no more of our own environment.
        own = {name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "SSL_"))}  # noqa: TID251
        given = {"HOME": str(self._folder), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "XPC_SERVICE_NAME": agent.label}
        return {**own, **given, **agent.environment_variables}


async def _ended(process: Process | None) -> None:
    """Ask a process to end, and see to it."""
    if process is None or process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_EXIT_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _domain() -> str:
    return f"gui/{os.getuid()}"
