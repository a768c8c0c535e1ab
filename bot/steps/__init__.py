"""The step kinds that playbooks can name: one file per kind."""

from bot.ports import Clock, Gateway, Step
from bot.steps.backfill import Backfill
from bot.steps.command import CommandStep
from bot.steps.gap import GapStep
from bot.steps.gateway import GatewayStep
from bot.steps.http import HttpStep
from bot.steps.keycheck import KeyCheck
from bot.steps.keyhere import KeyHere
from bot.steps.keyretire import KeyRetire
from bot.steps.keytest import KeyTest
from bot.steps.keywait import KeyWait
from bot.steps.page import PageStep
from bot.steps.paths import PathsStep
from bot.steps.pause_missing import PauseMissing
from bot.steps.polling import VerifyPolling
from bot.steps.recovery import Recovery
from bot.steps.replay import ReplayStep
from bot.steps.restart import Restart
from bot.steps.restarting import Restarting
from bot.steps.rotate import KeyStore, KeyTake
from bot.steps.rotation import Rotation
from bot.steps.service import ServiceLook, Services
from bot.steps.servicecheck import ServiceCheck
from bot.steps.surroundings import Surroundings
from bot.steps.traffic import VerifyTraffic

_NOTHING = Surroundings()


def step_kinds(gateway: Gateway, clock: Clock, around: Surroundings = _NOTHING) -> tuple[Step, ...]:
    """Every kind there is; a new one is one file and one line here."""
    services = Services(around, clock)
    rotation = Rotation(around, clock, Restarting(services))
    lease, paths = GatewayStep(gateway, clock), PathsStep(gateway, around.integrations)
    return (
        lease,
        VerifyTraffic(gateway, clock),
        KeyTest(rotation, gateway),
        KeyStore(rotation),
        KeyWait(rotation),
        KeyTake(rotation),
        KeyCheck(rotation),
        KeyHere(rotation, gateway),
        KeyRetire(rotation),
        paths,
        PauseMissing(lease, paths),
        ReplayStep(gateway, clock),
        ServiceLook(services),
        Restart(services),
        ServiceCheck(services),
        HttpStep(),
        CommandStep(),
        PageStep(around.pagers, link=around.link),
        GapStep(gateway, clock, around),
        Backfill(gateway, clock, around),
        Recovery(gateway, clock, around),
        VerifyPolling(gateway, clock),
    )
