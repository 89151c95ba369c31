"""POST and GET /v1/receipts."""

from blueport.server.addressing.service import READING_REFUSALS
from blueport.server.authorizing.service import LINE_REFUSALS, TARGET_REFUSALS
from blueport.server.http.endpoint import endpoint
from blueport.server.http.pages import Page
from blueport.server.resources.receipts import service
from blueport.server.resources.receipts.schema import ListReceipts, NewReceipt
from blueport.server.shapes import Accepted, ReadReceipt

SEND = endpoint("POST /v1/receipts", "receipts:write", NewReceipt, Accepted, service.send, status=201).refusing(
    *TARGET_REFUSALS, "advanced_features_required"
)
LIST = endpoint("GET /v1/receipts", "receipts:read", ListReceipts, Page[ReadReceipt], service.list_receipts).refusing(
    *LINE_REFUSALS, *READING_REFUSALS
)
