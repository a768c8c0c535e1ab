"""The step kinds that playbooks can name: one file per kind."""

from bot.ports import Clock, Gateway, Step
from bot.steps.command import CommandStep
from bot.steps.gateway import GatewayStep
from bot.steps.http import HttpStep
from bot.steps.page import PageStep
from bot.steps.paths import PathsStep
from bot.steps.pause_missing import PauseMissing
from bot.steps.surroundings import Surroundings
from bot.steps.traffic import VerifyTraffic

_NOTHING = Surroundings()


def step_kinds(gateway: Gateway, clock: Clock, around: Surroundings = _NOTHING) -> tuple[Step, ...]:
    """Every kind there is; a new one is one file and one line here."""
    lease, paths = GatewayStep(gateway, clock), PathsStep(gateway, around.integrations)
    return (
        lease,
        VerifyTraffic(gateway, clock),
        HttpStep(),
        CommandStep(),
        PageStep(around.pagers),
        paths,
        PauseMissing(lease, paths),
    )
