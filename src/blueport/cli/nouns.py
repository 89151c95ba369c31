"""Nouns that both the users of the API and the operator of an installation have commands for: whose is which."""

# noun -> the operator's words, which open the database; every other word is the user's, and asks the API.
OPERATORS = {
    "lines": {
        "list": "show all lines of the installation, whoever's they are",
        "add": "make a line; prints its id",
        "label": "say what people call a line",
        "change": "change who serves a line, and how it may be used",
    },
    "webhooks": {"reseal": "seal all secrets under the first key of BLUEPORT_SECRETS_KEY"},
    "sandbox": {
        "show": "show an account's phone, or the code to text",
        "qr": "the same, with a picture to point the phone at",
        "renew": "take the phone away and make a new code",
    },
}
