"""An agent with a memory and a tool: python examples/llm_agent.py.

It reads the stream of events, so it needs no address that others can reach, and goes on where it was when it is started
again. Who answers is a model of `llm_models.py`: a few rules, or the one that MODEL_URL, MODEL_NAME and MODEL_KEY name.
"""

import argparse
import itertools
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from blueport_sdk import AuthorizationError, Client, InvalidRequestError, MessageData, MessagesError, NotFoundError
from llm_models import ChatCompletions, Model, ModelError, Rules, Said, ToolCall, Turn, Used

REMEMBERED = 30
MOST_CALLS = 5
CURSOR = Path(".blueport/llm_agent.cursor")


def time_in(city: str) -> str:
    """Tell what time it is in a city."""
    name = city.strip().lower().replace(" ", "_")
    zone = next((zone for zone in sorted(available_timezones()) if zone.lower().endswith(f"/{name}")), None)
    return f"In {city} it is {datetime.now(ZoneInfo(zone)):%H:%M}." if zone else f"I know no place called {city}."


TOOLS = {tool.__name__: tool for tool in (time_in,)}


def conversation(client: Client, heard: MessageData) -> list[Turn]:
    """Return what was said up to *heard*, oldest first: the server remembers, so the agent need not."""
    newest_first = client.list_messages(from_=heard.line_handle, to=heard.chat_id)
    until_then = itertools.dropwhile(lambda message: message.id != heard.id, newest_first)
    remembered = [*itertools.islice(until_then, REMEMBERED)][::-1]
    return [Said("assistant" if each.is_from_me else "user", each.text or "(a file)") for each in remembered]


def answer(model: Model, turns: list[Turn]) -> str:
    """Let the model use tools until it has an answer."""
    try:
        for _ in range(MOST_CALLS):
            said = model.answer(turns, TOOLS)
            if not isinstance(said, ToolCall):
                return said
            turns.append(Used(said, result_of(said)))
    except ModelError as error:
        print(f"the model gives no answer: {error}", flush=True)
    return "I cannot think just now. Ask me again in a minute?"


def result_of(call: ToolCall) -> str:
    """Return what the tool says; a model may ask for what is not there, and should know."""
    try:
        return TOOLS[call.name](**call.arguments)
    except (KeyError, TypeError) as error:
        return f"That did not work: {error!r}"


def attend(client: Client, model: Model, event_id: str, heard: MessageData) -> None:
    """Answer one message, once: whoever answers the same event again, under the same key, has no effect."""
    line, chat = heard.line_handle, heard.chat_id
    with suppress(MessagesError):  # A courtesy, which not every line can pay.
        client.send_read_receipt(from_=line, to=chat)
        client.start_typing(from_=line, to=chat)
    if turns := conversation(client, heard):
        once = client.with_options(idempotency_key=event_id)
        once.send_message(from_=line, to=chat, text=answer(model, turns))


def run(client: Client, model: Model, cursor: Path) -> None:
    """Answer for ever; *cursor* holds the id of the last event that is dealt with."""
    after = cursor.read_text() if cursor.exists() else None
    print("listening: write to", " or ".join(line.handle for line in client.list_lines()), flush=True)
    for event in client.events(after=after, events=["message.received"]):
        try:
            if event.event == "message.received":
                attend(client, model, event.id, event.data)
        except (AuthorizationError, InvalidRequestError, NotFoundError) as error:
            # It will be refused again: they opted out, say, or an earlier run has answered in other words.
            # Anything else may pass. It ends the agent, and the next start begins with this event.
            print(f"{event.id} is left without an answer: {error}", flush=True)
        note(cursor, event.id)


def note(cursor: Path, event_id: str) -> None:
    """Put the id into the file, whole or not at all."""
    new = cursor.with_suffix(".new")
    new.write_text(event_id)
    new.replace(cursor)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cursor", type=Path, default=CURSOR, help=f"where it keeps how far it is ({CURSOR})")
    options = parser.parse_args()
    options.cursor.parent.mkdir(exist_ok=True)
    url = os.environ.get("MODEL_URL")
    name, key = os.environ.get("MODEL_NAME", ""), os.environ.get("MODEL_KEY", "")
    with Client() as client, suppress(KeyboardInterrupt):
        run(client, ChatCompletions(url, name, key) if url else Rules(), options.cursor)
