"""What a caller carries from one turn of a decision to the next, so that the server keeps nothing.

A token holds what was reported so far and the policy that it was reported to. It is no secret and
no permission: whoever changes one changes their own decision.
"""

from __future__ import annotations

import base64
import binascii
import zlib

import msgspec

from routelab.serve.decisions.outcomes import Reported
from routelab.serve.refusal import RefusedError

_MOST_TURNS = 64
_MOST_BYTES = 32_000_000


class TurnsSoFar(msgspec.Struct, frozen=True, array_like=True):
    """What a token holds.

    Attributes:
        policy: SHA-256 of the policy that decides.
        request_id: of the decision.
        reported: for each turn, what came of its calls.
    """

    policy: str
    request_id: str
    reported: Reported


def token_of(policy: str, request_id: str, reported: Reported) -> str:
    """A token for the next turn.

    Args:
        policy: SHA-256 of the policy that decides.
        request_id: of the decision.
        reported: for each turn so far, what came of its calls.
    """
    packed = msgspec.msgpack.encode(TurnsSoFar(policy, request_id, reported))
    return base64.urlsafe_b64encode(zlib.compress(packed, 1)).decode()


def read_token(token: object) -> TurnsSoFar:
    """What a token holds.

    Raises:
        RefusedError: it is none.
    """
    try:
        text = token if isinstance(token, str) else ""  # which holds nothing
        unpacking = zlib.decompressobj()
        packed = unpacking.decompress(base64.urlsafe_b64decode(text.encode()), _MOST_BYTES)
        found = msgspec.msgpack.decode(packed, type=TurnsSoFar)
    except (ValueError, binascii.Error, zlib.error, msgspec.DecodeError) as error:
        raise RefusedError(
            400,
            "token: send back the one that the last answer had, as it was",
            "invalid_token",
            param="token",
        ) from error
    if len(found.reported) > _MOST_TURNS:
        raise RefusedError(400, "token: it has too many turns", "invalid_token", param="token")
    return found
