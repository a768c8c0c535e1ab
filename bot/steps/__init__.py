"""The step kinds that playbooks can name: one file per kind."""

from bot.ports import Clock, Gateway, Step
from bot.steps.gateway import GatewayStep
from bot.steps.restart import Restart
from bot.steps.service import ServiceLook, Services
from bot.steps.servicecheck import ServiceCheck
from bot.steps.surroundings import Surroundings
from bot.steps.traffic import VerifyTraffic

_NOTHING = Surroundings()


def step_kinds(gateway: Gateway, clock: Clock, around: Surroundings = _NOTHING) -> tuple[Step, ...]:
    """Every kind there is; a new one is one file and one line here."""
    services = Services(around, clock)
    return (
        GatewayStep(gateway, clock),
        VerifyTraffic(gateway, clock),
        ServiceLook(services),
        Restart(services),
        ServiceCheck(services),
    )
