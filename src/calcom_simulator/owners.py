"""What the owner of an account does on Cal.com's settings pages, behind everybody's back."""

from dataclasses import replace

from calcom_simulator.model import JSON, EventType, User, Webhook
from calcom_simulator.world import World

_CHANGES = frozenset({"url", "triggers", "active", "secret", "template", "version"})


def revoke_key(world: World, username: str) -> User:
    """Delete the user's API key; requests with it are refused from now on."""
    return _keyed(world, username, "")


def make_key(world: World, username: str) -> User:
    """A new API key in place of the old one: cal_simulator_<username>_2, _3, ..."""
    number = world.number(f"key of {username}") + 1
    return _keyed(world, username, f"cal_simulator_{username}_{number}")


def change_webhook(world: World, webhook_id: str, wanted: JSON) -> Webhook:
    """Edit a subscription: url, triggers, active, secret, template, version.

    Nothing is checked: whoever breaks things on purpose may. Raises KeyError, ValueError.
    """
    if unknown := set(wanted) - _CHANGES:
        raise ValueError(f"A subscription has no {', '.join(sorted(unknown))}.")
    changes = dict(wanted)
    if "triggers" in changes:
        changes["triggers"] = tuple(str(each) for each in changes["triggers"])
    world.webhooks[webhook_id] = found = replace(world.webhooks[webhook_id], **changes)
    return found


def delete_webhook(world: World, webhook_id: str) -> Webhook:
    """Delete a subscription. Raises KeyError."""
    return world.webhooks.pop(webhook_id)


def add_event_type(world: World, username: str, slug: str, *, hidden: bool) -> EventType:
    """A plain event type of 30 minutes. Raises KeyError, ValueError."""
    owner = _user(world, username)
    if not slug or world.event_type_at(username, slug) is not None:
        raise ValueError(f"{username} has an event type {slug} already, or it has no name.")
    title = slug.replace("-", " ").capitalize()
    video = ({"type": "integration", "integration": "cal-video"},)
    kind = EventType(0, owner.id, title, slug, 30, locations=video, hidden=hidden)
    return world.add_event_type(kind)


def _keyed(world: World, username: str, key: str) -> User:
    user = _user(world, username)
    world.users[user.id] = found = replace(user, key=key)
    return found


def _user(world: World, username: str) -> User:
    user = world.user_named(username)
    if user is None:
        raise KeyError(f"user {username}")
    return user
