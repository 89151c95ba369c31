"""What the words mean by which tries of deliveries fail, and what their owner can do about each."""

from blueport.server.errors import Meaning

_UNKNOWN_WORD = Meaning("The receiver could not be reached.", "Look at its log around that time.")
MEANINGS = {
    "timeout": Meaning(
        "The receiver did not answer in time.", "Have it answer first, and do what takes long afterwards."
    ),
    "connect_timeout": Meaning(
        "No connection came about in time.",
        "Look whether the receiver runs, and whether a firewall swallows what comes.",
    ),
    "refused": Meaning("Nothing listens at that host and port.", "Start the receiver, or look at the port in the URL."),
    "reset": Meaning("The receiver broke the connection off.", "Look at its log, and at that of the proxy before it."),
    "hung_up": Meaning(
        "The receiver hung up without an answer.", "It may have crashed at this event: look at its log."
    ),
    "unreachable": Meaning(
        "No network leads to that host.", "Look at the network of this server, and of the receiver."
    ),
    "name_not_resolved": Meaning("There is no host of that name.", "Look at the URL, and at the name's DNS."),
    "not_connected": Meaning("The receiver could not be reached.", "Look whether it runs."),
    "address_not_allowed": Meaning(
        "The URL leads to an address that webhooks may not reach: a private one, mostly.",
        "If it is yours, the operator can allow it: BLUEPORT_WEBHOOK_ALLOW names hosts and networks.",
    ),
    "url_not_allowed": Meaning(
        "Webhooks may not reach that URL any more.",
        "If it is yours, the operator can allow it: BLUEPORT_WEBHOOK_ALLOW names hosts and networks.",
    ),
    "tls_failed": Meaning(
        "No encrypted connection could be agreed on.", "Look whether TLS 1.2 or newer is spoken at that port."
    ),
    "certificate_expired": Meaning("The receiver's certificate has expired.", "Renew it."),
    "certificate_of_another_host": Meaning(
        "The receiver's certificate is another host's.", "Have one made for the host in the URL."
    ),
    "certificate_not_trusted": Meaning(
        "The receiver's certificate is not trusted.",
        "Take one of a public authority, and have the receiver send the certificates between.",
    ),
    "bad_answer": Meaning("What came back was no HTTP.", "Look at what listens at that port."),
    "interrupted": Meaning(
        "This server ended during the try; nobody knows whether it arrived.", "It is tried again by itself."
    ),
    "not_rendered": Meaning("This server could not write the event down.", "Its log says why. It is a fault of ours."),
    "not_signed": Meaning(
        "This server could not read the webhook's secret.",
        "Give it the key that secrets are sealed with, or rotate the secret.",
    ),
}
OF_STATUS = {
    400: Meaning("The receiver found the request wrong (400).", "Its answer may say why."),
    401: Meaning("The receiver let us not in (401).", "It may have another secret: look at how it verifies."),
    403: Meaning("The receiver let us not in (403).", "It may have another secret, or a firewall before it."),
    404: Meaning("The receiver has nothing at that path (404).", "Look at the path in the URL."),
    405: Meaning("The receiver takes no POST at that path (405).", "Look at the path in the URL."),
    410: Meaning("The receiver says that it is gone for good (410).", "The webhook is disabled by that."),
    413: Meaning("The event is too large for the receiver (413).", "Have it take more."),
    429: Meaning("The receiver was asked too much (429).", "It is tried again later, by itself."),
    502: Meaning("A proxy did not reach the receiver (502).", "Look whether it runs behind the proxy."),
    503: Meaning("The receiver has no time now (503).", "It is tried again later, by itself."),
    504: Meaning("A proxy waited in vain for the receiver (504).", "Have it answer sooner."),
}
OF_HUNDRED = {
    1: Meaning("The receiver gave no answer that ends anything ({status}).", "Have it answer with a 2xx."),
    2: Meaning("The receiver took it ({status}).", ""),
    3: Meaning("The receiver led on elsewhere ({status}), and redirects are not followed.", "Put the last URL here."),
    4: Meaning("The receiver refused it ({status}).", "Its answer may say why."),
    5: Meaning("The receiver failed within itself ({status}).", "Look at its log around that time."),
}


def meaning_of(word: str) -> Meaning:
    """Return what the `reason` of a try means."""
    status = word.removeprefix("http_")
    return _of_status(int(status)) if status != word and status.isdecimal() else MEANINGS.get(word, _UNKNOWN_WORD)


def _of_status(status: int) -> Meaning:
    """Return what an answer of that status means; those that nobody has laid down are failures within."""
    if status in OF_STATUS:
        return OF_STATUS[status]
    meaning = OF_HUNDRED.get(status // 100, OF_HUNDRED[5])
    return meaning._replace(what=meaning.what.format(status=status))


def is_known(word: str) -> bool:
    """Tell whether there is more to say of *word* than that nothing arrived."""
    return meaning_of(word) is not _UNKNOWN_WORD
