"""``anju alerts``: the API of a running service from a terminal."""

import json
import os
import secrets
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import click

from runtime.cli_explain import explained, said
from runtime.cli_options import EXPORTS, json_option, token_option, url_option
from runtime.client import Client, segment

__all__ = ["alerts"]

SECOND_TOKEN = "ANJU_SECOND_TOKEN"  # noqa: S105 - the name of a variable, no secret


@click.group(epilog=EXPORTS)
@url_option
@token_option
@click.pass_context
def alerts(ctx: click.Context, url: str, token: str | None) -> None:
    """List, explain, acknowledge and shelve alerts of a running service.

    ALERT is a number as people say it (GJ-20261122-0187) or an id.
    """
    ctx.obj = Client(url, token)


@alerts.command("ls")
@click.option("--severity", type=click.IntRange(1, 4), multiple=True)
@click.option("--compound", multiple=True)
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@json_option
@click.pass_obj
def list_alerts(
    client: Client, severity: tuple[int, ...], compound: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """Open alerts, newest first."""
    wanted = {"open": "true", "severity": severity, "compound": compound, "limit": limit}
    query = urllib.parse.urlencode(wanted, doseq=True)
    page = client.call("GET", f"/alerts?{query}")
    if as_json:
        click.echo(json.dumps(page, ensure_ascii=False))
        return
    for row in page["items"]:
        where = f"{said(row['compound']['name'])} {said(row['place']['text'])}"
        what = f"{row['rule']['code']:<6} {said(row['title'])}"
        click.echo(f"{row['no']}  {row['level']}  {row['state']:<12} {row['raised_at']}  {what}  {where}")


@alerts.command()
@click.argument("alert")
@json_option
@click.pass_obj
def explain(client: Client, alert: str, as_json: bool) -> None:
    """Why ALERT (its number or id) exists, who was told, what happened to it, and what is due next."""
    told = client.call("GET", f"/alerts/{segment(alert)}/explain")
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(explained(told)))


@alerts.command()
@click.argument("alert")
@click.option("--note", default="")
@json_option
@click.pass_obj
def ack(client: Client, alert: str, note: str, as_json: bool) -> None:
    """Acknowledge ALERT."""
    _command(client, alert, "ack", {"note": note}, as_json)


@alerts.command()
@click.argument("alert")
@click.option("--minutes", type=click.IntRange(1, 480), required=True)
@click.option("--reason", required=True)
@click.option("--second", help="A second person's name, for life-safety alerts; it gives a token of its own.")
@json_option
@click.pass_obj
def shelve(client: Client, alert: str, minutes: int, reason: str, second: str | None, as_json: bool) -> None:
    """Keep ALERT from ringing for some minutes; it comes back by itself.

    The personal token of the second person is read from ANJU_SECOND_TOKEN, or asked for without showing it.
    """
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60 * minutes))
    proof = None if second is None else _second_token(second)
    body = {"until": until, "reason": reason, "second": second, "second_token": proof}
    _command(client, alert, "shelve", body, as_json)


def _second_token(second: str) -> str:
    # Not an option: it would stand in the process list and in the shell's history.
    token: str = os.environ.get(SECOND_TOKEN) or click.prompt(f"Token of {second}", hide_input=True, err=True)
    return token.strip()


def _command(client: Client, alert: str, verb: str, body: dict[str, Any], as_json: bool) -> None:
    found = client.call("GET", f"/alerts/{segment(alert)}")
    given = {key: value for key, value in body.items() if value is not None}
    wish = {"rev": found["rev"], "cmd": secrets.token_hex(8), **given}
    answer = client.call("POST", f"/alerts/{found['id']}/{verb}", wish)
    show: Callable[[Any], str] = json.dumps
    click.echo(show(answer) if as_json else f"{alert}  {answer['state']}")
