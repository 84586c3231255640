"""``anju orders``: work orders of a running service from a terminal."""

import json
import secrets
import urllib.parse
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from domain.access import STEP_RIGHTS
from domain.limits import EVIDENCE_BYTES_MAX
from runtime.cli_explain import said
from runtime.cli_options import EXPORTS, json_option, token_option, url_option
from runtime.client import Client, segment

__all__ = ["orders"]

_LEVELS: Final = {1: "物业 firm", 2: "街道 street", 3: "主管部门 department", 4: "区值守 district"}
_STEPS: Final = sorted(step.value for step in STEP_RIGHTS if step.value != "attach")


@click.group(epilog=EXPORTS)
@url_option
@token_option
@click.pass_context
def orders(ctx: click.Context, url: str, token: str | None) -> None:
    """List work orders, see what became of one, let it take a step.

    ORDER is a number as people say it (GD-20261123-0007) or an id.
    """
    ctx.obj = Client(url, token)


@orders.command("ls")
@click.option("--severity", type=click.IntRange(1, 4), multiple=True)
@click.option("--compound", multiple=True)
@click.option("--organisation", multiple=True)
@click.option("--closed", is_flag=True, help="Closed ones instead of open ones.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@json_option
@click.pass_obj
def list_orders(client: Client, /, *, closed: bool, as_json: bool, **wanted: Any) -> None:
    """Open work orders, newest first, with what is due next."""
    query = urllib.parse.urlencode({"open": "false" if closed else "true", **wanted}, doseq=True)
    page = client.call("GET", f"/orders?{query}")
    if as_json:
        click.echo(json.dumps(page, ensure_ascii=False))
        return
    for row in page["items"]:
        who = "待派 nobody" if row["organisation"] is None else said(row["organisation"]["name"])
        where = f"{said(row['compound']['name'])} {said(row['place']['name'])}"
        click.echo(f"{row['no']}  {row['level']}  {row['state']:<10} {_next(row):<32} {row['subject']}  {where}  {who}")


@orders.command()
@click.argument("order")
@json_option
@click.pass_obj
def show(client: Client, order: str, as_json: bool) -> None:
    """What ORDER is about, who has it, its deadlines, and everything that happened to it."""
    found = client.call("GET", f"/orders/{segment(order)}")
    history = client.call("GET", f"/orders/{segment(order)}/journal?limit=500")["items"]
    if as_json:
        click.echo(json.dumps(found | {"journal": history}, ensure_ascii=False))
    else:
        click.echo("\n".join(_shown(found, history)))


@orders.command()
@click.argument("order")
@click.argument("step", type=click.Choice(_STEPS))
@click.option("--note", help="submit, false_alarm, call_back, note: what was done, found or said.")
@click.option("--reason", help="return, transfer, reject, reopen, ask_suspension: why.")
@click.option("--organisation", help="dispatch, transfer: who is to come.")
@click.option("--handler", help="dispatch: the person who is to come.")
@click.option("--until", type=click.DateTime(["%Y-%m-%dT%H:%M"]), help="ask_suspension, supervise: local time.")
@click.option("--leader", help="supervise: who answers for it.")
@click.option(
    "--photo", type=click.Path(path_type=Path, exists=True, dir_okay=False), multiple=True,
    help="A photo of how it is now, added first.",
)  # fmt: skip
@json_option
@click.pass_obj
def step(
    client: Client,
    /,
    order: str,
    step: str,
    *,
    photo: tuple[Path, ...],
    until: datetime | None,
    as_json: bool,
    **words: Any,
) -> None:
    """Let ORDER take one STEP."""
    found = client.call("GET", f"/orders/{segment(order)}")
    for one in photo:
        with one.open("rb") as file:
            raw = file.read(EVIDENCE_BYTES_MAX + 1)  # one byte more than is allowed: the service says so
        found = client.call("POST", f"/orders/{found['id']}/evidence?phase=after", raw)
    body = {name: value for name, value in words.items() if value is not None}
    if until is not None:
        body["until"] = until.astimezone().isoformat()
    wish = {"rev": found["rev"], "cmd": secrets.token_hex(8), **body}
    answer = client.call("POST", f"/orders/{found['id']}/steps/{step}", wish)
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"{answer['no']}  {answer['state']}")


def _next(order: dict[str, Any]) -> str:
    running = [one for one in order["clocks"] if one["done_at"] is None]
    late = [one["name"] for one in running if one["breached_at"] is not None]
    ahead = min((one for one in running if one["breached_at"] is None), key=lambda one: one["due_at"], default=None)
    due = "" if ahead is None else f"{ahead['name']} {ahead['due_at'][:16]}"
    return f"{due} late:{','.join(late)}" if late else due


def _shown(order: dict[str, Any], history: list[dict[str, Any]]) -> Iterator[str]:
    yield f"{order['no']}  {order['level']}  {order['subject']}  {order['state']}"
    yield f"  {said(order['compound']['name'])} {said(order['place']['name'])}  {order['device'] or ''}"
    if order["organisation"] is not None:
        firm = order["organisation"]
        yield f"  承办 with {said(firm['name'])} {firm['phone']}  {order['handler'] or ''}"
    yield f"  层级 level {_LEVELS[order['escalated']]}{'  须电话通知 TELEPHONE' if order['telephone'] else ''}"
    for clock in order["clocks"]:
        done = f"done {clock['done_at']}" if clock["done_at"] else "LATE" if clock["breached_at"] else "running"
        yield f"  {clock['name']:<10} due {clock['due_at']}  {done}"
    yield ""
    for line in history:
        event = line["event"]
        what = event.get("step") or "open"
        words = [str(event[name]) for name in ("clock", "organisation", "handler", "reason", "note") if event.get(name)]
        yield f"  {line['at']}  {line['actor']:<12} {what:<14} {' '.join(words)}"
