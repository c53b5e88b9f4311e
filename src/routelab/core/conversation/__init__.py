"""A request's messages: what is read of them, what they hold, and how files write them."""

from routelab.core.conversation.kinds import (
    DIALOGUE,
    LONG,
    UNKNOWN_ROLES,
    kinds_of,
    kinds_read,
)
from routelab.core.conversation.parsing import (
    ROLES,
    beyond_prompt,
    checked_messages,
    conversation,
    is_prompt,
    key_text,
    looks_like_one,
    messages_in,
    oddities,
    prompted,
)
from routelab.core.conversation.reading import (
    ATTACHED,
    DEFAULT_READS,
    READS,
    content_text,
    message_text,
    opening,
    read_messages,
)

__all__ = [
    "ATTACHED",
    "DEFAULT_READS",
    "DIALOGUE",
    "LONG",
    "READS",
    "ROLES",
    "UNKNOWN_ROLES",
    "beyond_prompt",
    "checked_messages",
    "content_text",
    "conversation",
    "is_prompt",
    "key_text",
    "kinds_of",
    "kinds_read",
    "looks_like_one",
    "message_text",
    "messages_in",
    "oddities",
    "opening",
    "prompted",
    "read_messages",
]
