"""All pages that the dashboard has, and all that is done there."""

from blueport.server.dashboard.audit import views as audit
from blueport.server.dashboard.chats import views as chats
from blueport.server.dashboard.deliveries import views as deliveries
from blueport.server.dashboard.events import views as events
from blueport.server.dashboard.keys import views as keys
from blueport.server.dashboard.lines import macs
from blueport.server.dashboard.lines import views as lines
from blueport.server.dashboard.me import views as me
from blueport.server.dashboard.outbox import views as outbox
from blueport.server.dashboard.overview import views as overview
from blueport.server.dashboard.pages import Action, Page
from blueport.server.dashboard.sandbox import views as sandbox
from blueport.server.dashboard.settings import views as settings
from blueport.server.dashboard.usage import views as usage
from blueport.server.dashboard.webhooks import making
from blueport.server.dashboard.webhooks import views as webhooks

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    *chats.PAGES,
    *outbox.PAGES,
    making.NEW,
    *webhooks.PAGES,
    *deliveries.PAGES,
    *events.PAGES,
    *lines.PAGES,
    *macs.PAGES,
    *sandbox.PAGES,
    usage.PAGE,
    *keys.PAGES,
    audit.PAGE,
    *settings.PAGES,
    me.PAGE,
)
ACTIONS: tuple[Action, ...] = (
    making.CREATE,
    *webhooks.ACTIONS,
    *deliveries.ACTIONS,
    *lines.ACTIONS,
    *macs.ACTIONS,
    *sandbox.ACTIONS,
    *keys.ACTIONS,
    *settings.ACTIONS,
    me.END_OTHERS,
)
