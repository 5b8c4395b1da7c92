"""`timeline keys`: who may write."""

import re

import click

from service.cli.client import Answer, path_to
from service.cli.options import Service, service_options
from service.cli.terminal import advise, print_json, print_line, print_table
from service.cli.words import instant_in_words
from service.printable import printable

ROLES = ("reader", "writer", "admin")
SECONDS_AN_HOUR = 3600

_expires = click.option(
    "--expires",
    metavar="TIME",
    help="When the key ends: at the beginning of a day (UTC), or at an instant.",
)


@click.group(
    epilog="""\b
Example:
  timeline keys create newsroom --role writer
  timeline keys list
  timeline keys rotate newsroom --overlap 24
  timeline keys revoke newsroom"""
)
def keys() -> None:
    """
    Create, list, rotate and revoke keys.

    Each event bears the name of the key that recorded it.
    """


@keys.command(
    epilog="""\b
Example:
  timeline keys create newsroom --role writer"""
)
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="writer", show_default=True)
@_expires
@service_options
def create(service: Service, /, name: str, role: str, expires: str | None) -> None:
    """
    Create a key.

    The key NAME is printed once; only its hash is kept.
    """
    body = {"name": name, "role": role, **_end(expires)}
    with service.connect() as client:
        answer = client.post(path_to("keys"), body)
    _print_key(service, answer)
    advise(f"Keep the key of '{name}' ({role}) now; it is not shown again.")


@keys.command(
    epilog="""\b
Example:
  timeline keys rotate newsroom --overlap 24"""
)
@click.argument("name")
@click.option(
    "--overlap",
    "hours",
    metavar="HOURS",
    type=click.IntRange(0, 168),
    default=0,
    show_default=True,
    help="So long the key before stays good.",
)
@_expires
@service_options
def rotate(service: Service, /, name: str, hours: int, expires: str | None) -> None:
    """
    Put a new key in the place of another.

    The new key NAME is printed once. It has the role of the one before, and its end unless another
    is given; what was written with the one before and is sent again is known as sent before.
    """
    body = {"overlap_seconds": hours * SECONDS_AN_HOUR, **_end(expires)}
    with service.connect() as client:
        answer = client.post(path_to("keys", name, "rotation"), body)
    _print_key(service, answer)
    before = "is refused from now on" if hours == 0 else f"stays good for {hours} h"
    advise(f"Keep the new key of '{name}' now; it is not shown again. The one before {before}.")


@keys.command(
    "list",
    epilog="""\b
Example:
  timeline keys list""",
)
@service_options
def list_keys(service: Service, /) -> None:
    """List the keys by name, with their roles."""
    with service.connect() as client:
        answer = client.get(path_to("keys"))
    if service.as_json:
        print_json(answer.raw)
        return
    rows = [
        (
            item["name"],
            item["role"],
            instant_in_words(item["created_at"]),
            *(
                instant_in_words(item[when]) if item.get(when) else ""
                for when in ("last_used_at", "expires_at", "revoked_at")
            ),
        )
        for item in answer.json["items"]
    ]
    if rows:
        print_table(("Name", "Role", "Created", "Last used", "Expires", "Revoked"), rows)
    else:
        print_line("No keys.")


@keys.command(
    epilog="""\b
Example:
  timeline keys revoke newsroom"""
)
@click.argument("name")
@service_options
def revoke(service: Service, /, name: str) -> None:
    """
    Revoke a key.

    The key NAME is refused from now on.
    """
    with service.connect() as client:
        answer = client.delete(path_to("keys", name))
    if not service.as_json:
        print_line(f"The key '{name}' is revoked.")
    elif answer.raw:
        print_json(answer.raw)


def _print_key(service: Service, answer: Answer) -> None:
    if service.as_json:
        print_json(answer.raw)
    else:
        click.echo(printable(answer.json["key"]))


def _end(text: str | None) -> dict[str, str]:
    """The field that says when a key ends, of a day its beginning (UTC)."""
    if text is None:
        return {}
    is_day = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text)
    return {"expires_at": f"{text}T00:00:00Z" if is_day else text}
