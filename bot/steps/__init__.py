"""The step kinds that playbooks can name: one file per kind."""

from bot.ports import Clock, Gateway, Step
from bot.steps.gateway import GatewayStep
from bot.steps.traffic import VerifyTraffic


def step_kinds(gateway: Gateway, clock: Clock) -> tuple[Step, ...]:
    """Every kind there is; a new one is one file and one line here."""
    return (
        GatewayStep(gateway, clock),
        VerifyTraffic(gateway, clock),
    )
