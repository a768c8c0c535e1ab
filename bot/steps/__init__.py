"""The step kinds that playbooks can name: one file per kind."""

from bot.ports import Clock, Gateway, Step
from bot.steps.backfill import Backfill
from bot.steps.gap import GapStep
from bot.steps.gateway import GatewayStep
from bot.steps.recovery import Recovery
from bot.steps.surroundings import Surroundings
from bot.steps.traffic import VerifyTraffic

_NOTHING = Surroundings()


def step_kinds(gateway: Gateway, clock: Clock, around: Surroundings = _NOTHING) -> tuple[Step, ...]:
    """Every kind there is; a new one is one file and one line here."""
    return (
        GatewayStep(gateway, clock),
        VerifyTraffic(gateway, clock),
        GapStep(gateway, clock, around),
        Backfill(gateway, clock, around),
        Recovery(gateway, clock, around),
    )
