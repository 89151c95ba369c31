"""A bot in a group that speaks when it is spoken to: python examples/group_bot.py.

Write in a group with the line:

    @bot who said pizza?     and it tells who said what
    !poll Pizza tonight?     and it asks all of you, who answer by a tapback
    !result                  and it tells how that stands

It keeps nothing itself: what was said and what was answered, the server knows. Its line needs `imsg` on its Mac.
With `--begin Friday +1555... bo@example.com` it begins a group of that name; who is to be in it has to have written to
the line before.
"""

import argparse
import itertools
import re
from contextlib import suppress

from blueport_sdk import Client, MessageData, MessagesError

HELP = "Write “@bot who said ...?”, “!poll ...?” or “!result”."
POLL = "Poll: "
VOTES = {"like": "👍", "dislike": "👎"}
MOST_QUOTED = 5


def answer(client: Client, heard: MessageData) -> str | None:
    """Return what there is to say; None where nobody asked."""
    said = (heard.text or "").strip()
    if question := re.fullmatch(r"!poll (.+)", said):
        return f"{POLL}{question[1]} ({VOTES['like']} or {VOTES['dislike']})"
    if said == "!result":
        return result(client, heard)
    if "@bot" not in said:
        return None
    asked = re.search(r"who said ([^?]+)", said)
    return who_said(client, heard, asked[1].strip()) if asked else HELP


def who_said(client: Client, heard: MessageData, words: str) -> str:
    """Tell who said that, latest first."""
    found = client.list_messages(from_=heard.line_handle, to=heard.chat_id, q=words)
    theirs = (each for each in found if not each.is_from_me and "@bot" not in (each.text or ""))
    quotes = [f"{each.sender}: {each.text}" for each in itertools.islice(theirs, MOST_QUOTED)]
    return "\n".join(quotes) or f"Nobody said {words}."


def result(client: Client, heard: MessageData) -> str:
    """Tell how the latest poll stands, and who is for what."""
    messages = client.list_messages(from_=heard.line_handle, to=heard.chat_id, q=POLL)
    poll = next((each for each in messages if each.is_from_me and (each.text or "").startswith(POLL)), None)
    if poll is None:
        return "There is no poll: begin one with “!poll ...?”."
    votes = [*client.list_reactions(message_id=poll.id)]
    return "\n".join(
        f"{sign} {', '.join(each.sender for each in votes if each.type == vote) or 'nobody'}"
        for vote, sign in VOTES.items()
    )


def attend(client: Client, event_id: str, heard: MessageData) -> None:
    """Answer what is meant for the bot, beneath it, and show at once that it was noticed."""
    line, chat = heard.line_handle, heard.chat_id
    text = answer(client, heard)
    if text is None:
        return
    client.send_reaction(from_=line, to=chat, message_id=heard.id, type="like")
    # Under this key it is said once, whoever hears of the same event again.
    once = client.with_options(idempotency_key=event_id)
    once.send_message(from_=line, to=chat, text=text, reply_to=heard.id)


def begin(client: Client, name: str, people: list[str]) -> None:
    """Begin a group on the first line there is.

    Raises:
        SystemExit: It cannot be begun.
    """
    line = client.list_lines().data[0]
    try:
        accepted = client.create_chat(from_=line.handle, participants=people, text=f"Hi all. {HELP}", name=name)
    except MessagesError as error:
        raise SystemExit(f"{name} cannot be begun: {error.message}") from None
    item = client.wait_for_outbox_item(id=accepted.id)
    if item.status == "failed":
        raise SystemExit(f"{name} was not begun: {item.error}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--begin", nargs="+", metavar=("NAME", "PERSON"), help="begin a group first")
    parser.add_argument("--after", metavar="EVENT", help="begin behind that event (evt_...), not with what comes now")
    options = parser.parse_args()
    with Client() as client, suppress(KeyboardInterrupt):
        if options.begin:
            begin(client, options.begin[0], options.begin[1:])
        lines = " or ".join(line.handle for line in client.list_lines())
        print(f"listening: write @bot in a group with {lines}", flush=True)
        for event in client.events(after=options.after, events=["message.received"]):
            try:
                if event.event == "message.received":
                    attend(client, event.id, event.data)
            except MessagesError as error:
                print(f"{event.id} is left without an answer: {error}", flush=True)


if __name__ == "__main__":
    main()
