"""One run of `osascript`, which cannot outlive its time or its caller."""

from blueport.daemon.transports.children import Ended, run_program


async def run_script(osascript: str, script: str, *arguments: str, timeout_s: float) -> Ended | None:
    """Run *script* with *arguments*, and return how it ended; None if it had to be killed.

    Raises:
        OSError: It could not be started.
    """
    return await run_program(osascript, "-", *arguments, read=script, timeout_s=timeout_s)
