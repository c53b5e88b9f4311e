"""News of a budget."""

from __future__ import annotations

import msgspec


class Alert(msgspec.Struct, frozen=True):
    """A share of a budget is spent; reported once in its period.

    Attributes:
        account: "all", or "tenant" and the tenant's name.
        period: "2026-11-24", "2026-11" or "total".
        share: of the limit that was reached: so much is spent, or a call was refused for want of
            room, which reaches every share.
        spent_usd: settled so far.
    """

    account: str
    period: str
    share: float
    spent_usd: float
    limit_usd: float
