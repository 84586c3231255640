// A condition as its pack words it, taken apart again, so that it can be said in the reader's language: pure functions.
const NAME = "[a-z_][a-z0-9_]*";
const NUMBER = "-?[0-9.]+(?:e-?[0-9]+)?";
const UNITS = { s: 1, min: 60, h: 3_600, d: 86_400 };
const DURATION = /^([0-9.]+)(s|min|h|d)$/;

/** Splits `text` at `mark` wherever no bracket is open. */
function apart(text, mark) {
  const parts = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i += 1) {
    if ("([{".includes(text[i])) depth += 1;
    else if (")]}".includes(text[i])) depth -= 1;
    else if (depth === 0 && text.startsWith(mark, i)) {
      parts.push(text.slice(from, i));
      from = i + mark.length;
      i = from - 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/** Is the whole of it within one pair of brackets? */
function enclosed(text) {
  if (!text.startsWith("(") || !text.endsWith(")")) return false;
  let depth = 0;
  for (let i = 0; i < text.length - 1; i += 1) {
    if ("([{".includes(text[i])) depth += 1;
    else if (")]}".includes(text[i])) depth -= 1;
    if (depth === 0) return false;
  }
  return true;
}

/** `10min` in seconds; null where it is no length of time. */
export function seconds(text) {
  const found = DURATION.exec(text);
  return found && Number(found[1]) * UNITS[found[2]];
}

const names = (text) => (text ? text.split("|") : []);

const LEAVES = [
  [new RegExp(`^not (${NAME})$`), ([, signal]) => ({ kind: "flag", signal, wanted: false })],
  [/^silent >= (\S+?)( periods)?$/, ([, limit, periods]) => ({ kind: periods ? "periods" : "silent", signal: "silent_s", limit })],
  [/^state (\w+)$/, ([, state]) => ({ kind: "state", signal: "state", state })],
  [/^offline ([<>]) (\S+)% of devices$/, ([, op, limit]) => ({ kind: "share", signal: "offline", op, limit })],
  [new RegExp(`^(${NAME}) > (${NUMBER}) days ago$`), ([, signal, limit]) => ({ kind: "ago", signal, limit })],
  [new RegExp(`^(${NAME}) in <= (${NUMBER}) days$`), ([, signal, limit]) => ({ kind: "due", signal, limit })],
  [new RegExp(`^(${NAME}) in \\{(.*)\\}$`), ([, signal, among]) => ({ kind: "among", signal, among: among.split(", ") })],
  [new RegExp(`^(${NAME}) (rises|falls) (${NUMBER}) within (\\S+)$`), ([, signal, way, limit, within]) => ({ kind: way, signal, limit, within })],
  [new RegExp(`^(${NAME}) (<=|>=|==|!=|<|>) (${NUMBER})$`), ([, signal, op, limit]) => ({ kind: "compare", signal, op, limit })],
  [
    new RegExp(`^(${NAME}) (<=|>=|==|!=|<|>) (?:(\\S+) x )?(${NAME})$`),
    ([, signal, op, times, attr]) => ({ kind: "compare", signal, op, times, attr }),
  ],
  [
    /^event (\S+)(?: (\w+)(?::(\S+))?)?(?: \(confidence >= (\S+)\))?(?: until (\S+))?$/,
    ([, events, scheme, codes, confidence, until]) => ({
      kind: "event", signal: "event", events: names(events), scheme, codes: names(codes), confidence, until: names(until),
    }),
  ],
  [new RegExp(`^(${NAME})$`), ([, signal]) => ({ kind: "flag", signal, wanted: true })],
];

function leaf(text) {
  for (const [pattern, made] of LEAVES) {
    const found = pattern.exec(text);
    if (found) return { leaf: made(found) };
  }
  return { leaf: { kind: "words", text } };
}

const joined = (join, parts, more = {}) => ({ join, parts: parts.map(parse), ...more });

/** `not door_zone` is one condition, not a condition about another. */
function negated(part) {
  const flag = part.leaf?.kind === "flag" ? part.leaf : null;
  return flag ? { leaf: { ...flag, wanted: !flag.wanted } } : { join: "not", parts: [part] };
}

function group(inside) {
  for (const [join, mark] of [["all", " and "], ["any", " or "]]) {
    const parts = apart(inside, mark);
    if (parts.length > 1) return joined(join, parts);
  }
  return parse(inside);
}

function sequence(first, rest) {
  const [second, ...unless] = apart(rest, " unless ");
  const [, next, within] = /^(.*) within (\S+)$/.exec(second) ?? [null, second, ""];
  const parts = [parse(first), parse(next)];
  if (unless.length) parts.push(joined("unless", [unless.join(" unless ")]));
  return { join: "then", parts, within };
}

/**
 * The tree of a condition: `{join, parts, …}` with `join` one of all, any, not, hold, types, then, unless, times,
 * devices, conditions; or `{leaf: {kind, …}, hold}`. What is not understood stays as it is written.
 */
export function parse(text) {
  const bare = text.trim();
  if (enclosed(bare)) return group(bare.slice(1, -1));
  const [first, ...then] = apart(bare, " then ");
  if (then.length) return sequence(first, then.join(" then "));
  const held = /^(.*) for ([0-9.]+(?:s|min|h|d))$/.exec(bare);
  if (held) {
    const part = parse(held[1]);
    return part.leaf ? { ...part, hold: held[2] } : { join: "hold", parts: [part], within: held[2] };
  }
  const together = /^([0-9]+) (devices|conditions) of \[(.*)\] within (\S+)(?: until (\S+))?$/.exec(bare);
  if (together) return joined(together[2], apart(together[3], "; "), { n: together[1], within: together[4], until: names(together[5]) });
  const times = /^([0-9.]+) x (\(.*\)) within (\S+)$/.exec(bare);
  if (times) return joined("times", [times[2]], { n: times[1], within: times[3] });
  if (bare.startsWith("not (") && enclosed(bare.slice(4))) return negated(parse(bare.slice(4)));
  const types = new RegExp(`^(${NAME}(?:\\|${NAME})*): (.*)$`).exec(bare);
  if (types) return joined("types", [types[2]], { types: names(types[1]) });
  const either = apart(bare, " or ");
  return either.length > 1 ? joined("any", either) : leaf(bare);
}

/** The lines of the server (depth, join, text, truth) as the same kind of tree, each part with what it came to. */
export function nested(lines) {
  const stack = [{ parts: [] }];
  for (const { depth, join, text, truth } of lines) {
    const more = join === "hold" ? { within: text } : join === "types" ? { types: names(text) } : {};
    const node = join ? { join, parts: [], ...more, truth } : { ...parse(text), truth };
    stack.length = depth + 1;
    stack[depth].parts.push(node);
    stack.push(node);
  }
  const [whole] = stack[0].parts;
  return whole && folded(whole);
}

function folded(node) {
  if (!node.parts) return node;
  const parts = node.parts.map(folded);
  const inner = node.join === "not" && parts.length === 1 ? negated(parts[0]) : null;
  return inner?.leaf ? { ...inner, truth: node.truth } : { ...node, parts };
}
