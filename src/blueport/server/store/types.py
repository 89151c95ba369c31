"""Column types that mean the same on SQLite and PostgreSQL."""

from sqlalchemy import BigInteger, Integer, Text

# Compared and ordered byte by byte, as SQLite does: a server's locale would order ids and cursors otherwise.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite counts up only a column of the type INTEGER.
SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")
