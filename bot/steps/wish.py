"""What a playbook asks of the gateway: its values checked, its effect, and what will be done in words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from bot.domain.gateway import Effect, listed
from bot.steps import values

TTL_S = 3600
"""Where a playbook says nothing."""
_ONCE_DOWN = " as soon as the gateway finds MaintainX down"

EFFECTS: Mapping[str, values.Check] = {
    "rate_per_s": values.number(0.01, 1000),
    "paused_jobs": values.names,
    "buffer": values.one_of("on", "auto"),
    "retry": values.switch,
    "poll": values.switch,
    "forward": values.one_of("on", "paused"),
}
KEYS: Mapping[str, values.Check] = {**EFFECTS, "ttl_s": values.whole(30, 86400)}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a playbook asks of the gateway."""

    effect: Effect
    ttl_s: int

    @classmethod
    def of(cls, table: Mapping[str, JsonValue]) -> "Wish":
        ttl = table.get("ttl_s")
        return cls(effect=effect_of(table), ttl_s=ttl if isinstance(ttl, int) else TTL_S)

    @property
    def says(self) -> str:
        return f"gateway{':' if self.effect.rate_per_s is None else ' at'} {self.effect.says}"

    @property
    def todo(self) -> str:
        """What will be done: "limit the gateway to 1 request per second and pause asset-sync"."""
        effect = self.effect
        rate, jobs = effect.rate_per_s, effect.paused_jobs
        todo = [f"limit the gateway to {Effect(rate_per_s=rate).says}"] if rate is not None else []
        todo += [f"pause {listed(jobs)}"] if jobs else []
        if effect.buffer is not None:
            todo.append("buffer writes on disk" + (_ONCE_DOWN if effect.buffer == "auto" else ""))
        todo += ["retry safe requests"] if effect.retry else []
        todo += ["poll for what webhooks do not bring"] if effect.poll else []
        todo += ["keep what webhooks bring, without sending it on"] if effect.forward else []
        return f"{listed(tuple(todo))}, for {minutes(self.ttl_s)}"

    @property
    def needs_traffic(self) -> bool:
        """Whether it is of no use where no request passes the gateway; what is about webhooks is of use all the same."""
        return not self.effect.same_as(Effect(poll=self.effect.poll, forward=self.effect.forward))

    @property
    def about_webhooks(self) -> bool:
        """Whether it changes how webhooks are told."""
        return self.effect.poll or self.effect.forward is not None


def effect_of(table: Mapping[str, JsonValue]) -> Effect:
    """The effect that these values describe: a playbook's, checked before, or a state that was recorded."""
    return Effect.from_json(sent(table))


def sent(table: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What of a table is asked of the gateway; sending webhooks on is what it does by itself."""
    return {
        name: value
        for name, value in table.items()
        if name in EFFECTS and not (name == "forward" and value == "on")
    }


def minutes(seconds: int) -> str:
    """A length of time as plans say it."""
    return f"{seconds} s" if seconds < 2 * 60 else f"{round(seconds / 60)} minutes"
