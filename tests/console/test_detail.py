"""The pane beside the list: the curve, the reasons, the record (console design §15, 19)."""

import re

import pytest

from runtime.packs import load_rulebook
from tests.console.conftest import until

pytestmark = pytest.mark.browser

HOT = "a000000000002"
INK = """() => { const c = document.querySelector('.detail canvas');
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i] > 0) n += 1; return n; }"""


@pytest.fixture
def detail(page):
    page.locator(f".list [role=row][data-id='{HOT}']").click()
    page.locator(".detail canvas").wait_for()
    return page


def test_the_curve_is_drawn_with_limit_and_trigger_and_told_in_words(detail):
    until(detail, "() => document.querySelector('.detail .uplot')?.dataset.limit === '1'")
    assert detail.evaluate(INK) > 2_000
    assert detail.locator(".detail .uplot").get_attribute("data-trigger") == "1"
    assert "插座温度 ℃" in detail.locator("figcaption").inner_text()
    assert "最高 60.7 ℃" in detail.locator(".plot").get_attribute("aria-label")
    detail.get_by_role("button", name="7 天").click()
    until(detail, "() => document.querySelector('.spans [aria-pressed=true]').textContent === '7 天'")
    detail.locator(".detail canvas").wait_for()


@pytest.mark.parametrize(("module", "opens"), [("ui/chart.js", ".detail canvas"), ("views/dialogs.js", "dialog[open]")])
def test_a_part_that_could_not_be_fetched_at_first_comes_when_the_server_does(page, module, opens):
    refused = []

    def twice(route):
        refused.append(route.request.url)
        if len(refused) <= 2:
            route.abort()
        else:
            route.continue_()

    page.route(f"**/{module}", twice)
    page.locator(f".list [role=row][data-id='{HOT}']").click()
    page.keyboard.press("KeyS")
    page.locator(opens).wait_for()
    assert len(refused) == 3
    page.faults.clear()  # the browser reports what was refused


def test_the_reasons_are_those_the_server_gives(detail):
    why = detail.evaluate(f"fetch('/api/v1/alerts/{HOT}/explain').then((answer) => answer.json())")
    evidence = why["why"]
    shown = detail.locator(".why")
    assert shown.locator(".condition").get_attribute("title") == evidence["condition"]
    assert f"规则 {evidence['rule']}·第 {evidence['version']} 版" in shown.inner_text()
    for name, value in evidence["inputs"].items():
        assert shown.locator(f"[data-input={name}] td").first.inner_text() == f"{value:g} ℃"
    for one in evidence["params"]:
        assert shown.locator(f"[data-param={one['name']}] td").first.inner_text().startswith(f"{one['value']:g}")
    assert "规则包" in shown.locator("[data-param=limit]").inner_text()
    assert evidence["rule_now"]["basis"] in shown.inner_text()
    assert detail.locator(".steps li").count() == len(why["card"]["steps"])


def test_a_parameter_that_was_overridden_names_the_device_it_was_set_for(page):
    page.goto(page.url.split("?")[0] + "?lang=zh&sel=a000000000009")
    row = page.locator(".why [data-param=limit]")
    row.wait_for()
    assert "本设备设定" in row.inner_text()


def test_firm_and_telephone_stand_under_the_place(detail):
    text = detail.locator(".dt").inner_text()
    assert "恒信物业" in text
    assert "0477-8102021" in text


def test_a_note_enters_the_record_at_once(detail, server):
    detail.keyboard.press("KeyC")
    detail.locator("dialog textarea").fill("棚内无人，已断电")
    detail.locator("dialog .primary").click()
    detail.locator(".notes").filter(has_text="棚内无人，已断电").wait_for()
    detail.locator(".tl li").first.filter(has_text="wxy").wait_for()
    assert server.house.find(HOT).notes == 1


def test_a_newer_value_reaches_row_and_title_without_a_new_revision(detail, server):
    server.post("value", id=HOT, value=66.6)
    until(detail, "() => document.querySelector('.measure').textContent.includes('66.6')")
    assert "66.6" in detail.locator(f".list [data-id='{HOT}'] .val").inner_text()
    assert server.house.find(HOT).rev == 1


def test_a_closed_alert_can_still_be_read_by_its_address(page, server):
    server.post("change", ids=[HOT], what="closed")
    page.goto(page.url.split("?")[0] + f"?lang=zh&sel={HOT}")
    page.locator(f"[data-detail={HOT}]").filter(has_text="已结束：条件恢复").wait_for()


def test_on_a_narrow_screen_the_pane_is_a_drawer(server, visitor):
    page = visitor(server, viewport={"width": 1100, "height": 720})
    page.keyboard.press("KeyJ")
    assert not page.locator(".detail").is_visible()
    page.keyboard.press("Enter")
    assert page.locator(".detail").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator(".detail").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_shipped_condition_is_said_in_words(detail):
    conditions = [
        level.partition(": ")[2]
        for info in load_rulebook().rules.values()
        for level in re.split(r"; (?=[1-4]: )", info.condition)
    ]
    left = detail.evaluate(
        """async (texts) => {
          const { parse } = await import(new URL("./condition.js", document.querySelector("script[type=module]").src));
          const own = (leaf) => leaf.kind === "words" ? [leaf.text] : [];
          const words = (node) => node.leaf ? own(node.leaf) : node.parts.flatMap(words);
          return texts.flatMap((text) => words(parse(text)).map((part) => [text, part]));
        }""",
        conditions,
    )
    assert [part for _, part in left] == []
    assert len(conditions) > 60


@pytest.mark.parametrize(("language", "says", "where"), [("zh", "实测", "规则包默认值"), ("en", "seen", "default of")])
def test_the_condition_is_a_tree_with_what_was_seen_and_where_its_limits_come_from(page, language, says, where):
    page.goto(page.url.split("?")[0] + f"?lang={language}&sel={HOT}")
    tree = page.locator(".why .tree")
    tree.wait_for()
    assert tree.locator("[data-truth=true] .mark").count() >= 1
    assert says in tree.inner_text()
    assert where in tree.inner_text()
    assert "℃" in tree.locator(".seen").first.inner_text()
    assert page.locator(".tl li").first.inner_text().strip() != ""
