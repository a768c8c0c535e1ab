"""What stories about buffered writes do at the real gateway: switch the buffer, and write as the integration does."""

from tests.stories.world import KEY, TOKEN, World

ADMIN = {"Authorization": f"Bearer {TOKEN}"}


async def buffering(world: World, *, on: bool) -> None:
    """Switch a lease with a buffer on, or off."""
    body = {"buffer": "on", "owner": "cli:me@here", "reason": "test", "ttl_s": 3600}
    if not on:
        body = {"owner": "cli:me@here", "reason": "test"}
    method, url = "PUT" if on else "DELETE", f"{world.gateway_url}/-/leases/story"
    async with world.http.request(method, url, json=body, headers=ADMIN) as answer:
        assert answer.status == 200, await answer.text()


async def write(world: World, title: str) -> str:
    """What the integration does: create a work order through the gateway."""
    url, headers = f"{world.gateway_url}/v1/workorders", {"Authorization": f"Bearer {KEY}"}
    async with world.http.post(url, json={"title": title}, headers=headers) as answer:
        assert answer.status == 202, await answer.text()
        found: dict[str, str] = await answer.json()
        return found["buffer_id"]
