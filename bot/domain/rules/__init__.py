"""What mx can conclude: each rule looks at the whole case and says what it finds, or nothing.

The order breaks ties: of two findings equally grave, the cause stands before its consequence.
"""

from collections.abc import Callable

from bot.domain.assessment import Finding
from bot.domain.case import Case
from bot.domain.rules.answers import base_url_wrong, odd_answers, path_changed, request_refused, unexplained
from bot.domain.rules.key import key_forbidden, key_missing, key_odd, key_rejected, key_unsendable
from bot.domain.rules.network import network, slow
from bot.domain.rules.ours import service_degraded, service_down, service_slow, sync_gap, webhook_delivery
from bot.domain.rules.vendor import endpoint_errors, intermittent_errors, platform_outage, rate_limited

Rule = Callable[[Case], Finding | None]

RULES: tuple[Rule, ...] = (
    platform_outage,
    key_missing,
    key_unsendable,
    key_rejected,
    base_url_wrong,
    network,
    rate_limited,
    key_forbidden,
    endpoint_errors,
    intermittent_errors,
    path_changed,
    request_refused,
    odd_answers,
    unexplained,
    service_down,
    sync_gap,
    webhook_delivery,
    service_degraded,
    slow,
    service_slow,
    key_odd,
)

RULE_NAMES = frozenset(rule.__name__.replace("_", "-") for rule in RULES)
"""What a playbook may name in ``fits``: each rule's function is called as its findings are."""
