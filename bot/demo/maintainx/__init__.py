"""A MaintainX on loopback that can be broken in every way that a rule knows."""

from bot.demo.maintainx.faults import FAULT_WORDS, Fault, fault_from_words
from bot.demo.maintainx.records import Recorded
from bot.demo.maintainx.server import FakeMaintainX

__all__ = ["FAULT_WORDS", "FakeMaintainX", "Fault", "Recorded", "fault_from_words"]
