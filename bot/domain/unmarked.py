"""Facts that neither open nor close anything that somebody looks for: the book need not look at their incident anew. Pure."""

from bot.domain.events import (
    Acknowledged,
    Assessed,
    NoteAdded,
    RunPlanned,
    SeveritySet,
    StepFinished,
    StepStarted,
)
from bot.domain.notebook import (
    ActionAdded,
    ActionChanged,
    ActionTicked,
    DaySummed,
    HandedOver,
    KeepAnswered,
    KeepRequested,
    KeptMessageChanged,
    KeptMessageRemoved,
    MessageKept,
)
from bot.domain.oncall import (
    AckLapsed,
    AckReminded,
    PageOverdue,
    PagerReported,
    ResponseReminded,
    Snoozed,
    SnoozeEnded,
)
from bot.domain.showing import CardPosted
from bot.domain.watching import GapsAccepted, GapsOpened, VendorReported, WatchMoved

UNMARKED = frozenset(
    {
        *(NoteAdded, Assessed, Acknowledged, SeveritySet, RunPlanned, StepStarted, StepFinished, CardPosted),
        *(ResponseReminded, AckReminded, AckLapsed, Snoozed, SnoozeEnded, PagerReported, PageOverdue),
        *(WatchMoved, VendorReported, GapsOpened, GapsAccepted),
        *(
            KeepRequested,
            KeepAnswered,
            MessageKept,
            KeptMessageChanged,
            KeptMessageRemoved,
            HandedOver,
            DaySummed,
        ),
        *(ActionAdded, ActionChanged, ActionTicked),
    }
)
