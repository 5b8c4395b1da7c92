"""`timeline keys`: who may write."""

import click

from service.cli.client import path_to
from service.cli.options import Service, service_options
from service.cli.terminal import advise, print_json, print_line, print_table, printable
from service.cli.words import instant_in_words

ROLES = ("reader", "writer", "admin")


@click.group(
    epilog="""\b
Example:
  timeline keys create newsroom --role writer
  timeline keys list
  timeline keys revoke newsroom"""
)
def keys() -> None:
    """
    Create, list and revoke keys.

    Each event bears the name of the key that recorded it.
    """


@keys.command(
    epilog="""\b
Example:
  timeline keys create newsroom --role writer"""
)
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="writer", show_default=True)
@service_options
def create(service: Service, /, name: str, role: str) -> None:
    """
    Create a key.

    The key NAME is printed once; only its hash is kept.
    """
    with service.connect() as client:
        answer = client.post(path_to("keys"), {"name": name, "role": role})
    if service.as_json:
        print_json(answer.raw)
    else:
        click.echo(printable(answer.json["key"]))
    advise(f"Keep the key of '{name}' ({role}) now; it is not shown again.")


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
            instant_in_words(item["revoked_at"]) if item.get("revoked_at") else "",
        )
        for item in answer.json["items"]
    ]
    if rows:
        print_table(("Name", "Role", "Created", "Revoked"), rows)
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
