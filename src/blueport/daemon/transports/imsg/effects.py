"""Effects as Apple names them: of the bubble, and of the whole screen.

`imsg` has short names of its own, some of which lead to none: it is told the whole ones, which it passes on.
"""

from collections.abc import Mapping

from blueport.protocol.commands import Effect

_BUBBLE, _SCREEN = "com.apple.MobileSMS.expressivesend.", "com.apple.messages.effect."
STYLE_IDS: Mapping[Effect, str] = {
    "slam": f"{_BUBBLE}impact",
    "loud": f"{_BUBBLE}loud",
    "gentle": f"{_BUBBLE}gentle",
    "invisible_ink": f"{_BUBBLE}invisibleink",
    "echo": f"{_SCREEN}CKEchoEffect",
    "spotlight": f"{_SCREEN}CKSpotlightEffect",
    "balloons": f"{_SCREEN}CKHappyBirthdayEffect",
    "confetti": f"{_SCREEN}CKConfettiEffect",
    "heart": f"{_SCREEN}CKHeartEffect",
    "lasers": f"{_SCREEN}CKLasersEffect",
    "fireworks": f"{_SCREEN}CKFireworksEffect",
    "celebration": f"{_SCREEN}CKSparklesEffect",
}
