"use strict";
// Every word of a reply goes into the page as text, never as markup.

window.addEventListener("error", (event) => document.documentElement.setAttribute("data-error", event.message));

const DATA = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function shape(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "style") node.style.cssText = value;
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

const number = (value, digits = 3) => (value === null || value === undefined ? "–" : value.toFixed(digits));

// ---- sections ------------------------------------------------------------------------------------------------------

const SECTIONS = {
  table(section) {
    return element("div", { class: "scroll" }, element("table", {},
      element("thead", {}, element("tr", {}, ...section.columns.map((name) => element("th", {}, name)))),
      element("tbody", {}, ...section.rows.map((row) => element("tr", {}, ...row.map((text) => element("td", {}, text)))))));
  },

  episodes(section) {
    const feed = new Feed(section.tasks);
    const choice = new Choice(section, (chosen) => feed.show(chosen));
    choice.changed();
    return element("div", {}, choice.controls, feed.list, feed.end);
  },
};

// ---- which episodes, in what order ---------------------------------------------------------------------------------

const ORDERS = {
  "as recorded": () => (a, b) => a.number - b.number,
  "least reward first": (value) => (a, b) => (value(a) ?? Infinity) - (value(b) ?? Infinity) || a.number - b.number,
  "most reward first": (value) => (a, b) => (value(b) ?? -Infinity) - (value(a) ?? -Infinity) || a.number - b.number,
  "by task": () => (a, b) => a.task.localeCompare(b.task, undefined, { numeric: true }) || a.number - b.number,
  "most turns first": () => (a, b) => b.turns.length - a.turns.length || a.number - b.number,
};
const BINS = 24;

class Choice {
  constructor(section, show) {
    this.all = section.episodes;
    this.tasks = section.tasks;
    this.show = show;
    this.off = { stop: new Set(), policy: new Set(), kind: new Set() };
    const parts = [...new Set(this.all.flatMap((each) => Object.keys(each.parts)))];
    const again = { onchange: () => this.changed() };
    this.part = select(["total", ...parts], { onchange: () => this.another() });
    this.order = select(Object.keys(ORDERS), again);
    this.text = element("input", { type: "search", placeholder: "question or reply …", oninput: () => this.changed() });
    this.low = element("input", { type: "number", step: "0.05", placeholder: "from", ...again });
    this.high = element("input", { type: "number", step: "0.05", placeholder: "to", ...again });
    this.bars = element("div", { class: "histogram", title: "click a bar to see its episodes, again to see all" });
    this.count = element("span", { class: "soft small push" });
    this.controls = element("div", { class: "controls" },
      element("div", { class: "row" }, ...this.chips("stop"), ...this.chips("policy"), ...this.chips("kind"), this.count),
      element("div", { class: "row" },
        element("label", {}, "reward", this.part), this.bars, this.low, this.high,
        element("label", {}, "order", this.order), this.text),
      element("div", { class: "row" }, element("span", { class: "soft small" }, "on the frames"), ...OVERLAYS.map(toggle)));
    this.another();
  }

  of(key, each) {
    return key === "kind" ? this.tasks[each.task].kind : each[key];
  }

  value(each) {
    const name = this.part.value;
    return name === "total" ? each.total : each.parts[name] ?? null;
  }

  chips(key) {
    const counts = new Map();
    for (const each of this.all) counts.set(this.of(key, each), (counts.get(this.of(key, each)) ?? 0) + 1);
    counts.delete("");
    if (key !== "stop" && counts.size < 2) return [];
    return [...counts].map(([name, count]) => {
      const dot = key === "stop" ? element("span", { class: `dot ${name}` }) : null;
      const chip = element("button", { class: "chip", "aria-pressed": "true" }, dot, element("span", { class: "word" }, name), element("b", {}, String(count)));
      chip.addEventListener("click", () => {
        const off = this.off[key];
        if (!off.delete(name)) off.add(name);
        chip.setAttribute("aria-pressed", String(!off.has(name)));
        this.changed();
      });
      return chip;
    });
  }

  another() {
    this.low.value = this.high.value = "";
    const values = this.all.map((each) => this.value(each)).filter((value) => value !== null);
    const least = Math.min(0, ...values), most = Math.max(1, ...values);
    const bins = Array.from({ length: BINS }, () => 0);
    const bin = (value) => Math.min(Math.floor((value - least) / (most - least) * BINS), BINS - 1);
    for (const value of values) bins[bin(value)] += 1;
    const top = Math.max(1, ...bins), edge = (at) => least + (most - least) * at / BINS;
    this.bars.replaceChildren(...bins.map((count, at) => element("button", {
      style: `--high:${count ? Math.max(7, 100 * count / top) : 0}%`,
      title: `${number(edge(at), 2)} to ${number(edge(at + 1), 2)}: ${count}`,
      onclick: () => this.only(edge(at), edge(at + 1)),
    })));
    this.edges = bins.map((_, at) => [edge(at), edge(at + 1)]);
    this.changed();
  }

  only(low, high) {
    const same = this.low.value === low.toFixed(3) && this.high.value === high.toFixed(3);
    this.low.value = same ? "" : low.toFixed(3);
    this.high.value = same ? "" : high.toFixed(3);
    this.changed();
  }

  changed() {
    const least = this.low.value === "" ? -Infinity : Number(this.low.value) - 5e-4;
    const most = this.high.value === "" ? Infinity : Number(this.high.value) + 5e-4;
    const bounded = least > -Infinity || most < Infinity;
    const words = this.text.value.toLowerCase();
    const chosen = this.all.filter((each) => {
      const value = this.value(each);
      return Object.entries(this.off).every(([key, off]) => !off.has(this.of(key, each)))
        && (!bounded || (value !== null && value >= least && value <= most))
        && (!words || this.says(each).includes(words));
    });
    chosen.sort(ORDERS[this.order.value]((each) => this.value(each)));
    [...this.bars.children].forEach((bar, at) => bar.classList.toggle("in", this.edges[at][1] > least && this.edges[at][0] < most));
    this.count.textContent = chosen.length === this.all.length ? `${this.all.length} episodes` : `${chosen.length} of ${this.all.length} episodes`;
    this.show(chosen);
  }

  says(each) {
    return [each.task, this.tasks[each.task].question, ...each.turns.map((turn) => turn.reply)].join("\n").toLowerCase();
  }
}

function select(names, attributes) {
  return element("select", attributes, ...names.map((name) => element("option", { value: name }, name)));
}

const OVERLAYS = [["true", "true box", ""], ["mask", "true mask", "fill"], ["said", "said", ""], ["zoom", "zoomed", ""]];

function toggle([name, word, fill]) {
  const chip = element("button", { class: "chip", "aria-pressed": "true" },
    element("span", { class: `swatch ${fill} of-${name === "mask" ? "true" : name}` }), element("span", { class: "word" }, word));
  chip.addEventListener("click", () => {
    const hidden = document.body.classList.toggle(`hide-${name}`);
    chip.setAttribute("aria-pressed", String(!hidden));
  });
  return chip;
}

// Draws some episodes now, and more when the reader comes near the end of them.
class Feed {
  constructor(tasks) {
    this.tasks = tasks;
    this.list = element("div");
    this.end = element("div", { class: "end" });
    this.watch = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.more(), { rootMargin: "1200px" });
    this.watch.observe(this.end);
  }

  show(chosen) {
    this.left = chosen.slice();
    this.list.replaceChildren();
    this.more();
  }

  more() {
    this.list.append(...this.left.splice(0, 6).map((each) => episode(each, this.tasks[each.task])));
    this.end.textContent = this.left.length ? `${this.left.length} more …` : this.list.children.length ? "" : "no episode is left by these filters";
    if (this.left.length) {  // the observer speaks only of changes
      this.watch.unobserve(this.end);
      this.watch.observe(this.end);
    }
  }
}

// ---- an episode ----------------------------------------------------------------------------------------------------

function episode(each, task) {
  const marks = placed(each);
  const where = [`#${each.number}`, task.id, task.kind].filter(Boolean).join("  ·  ");
  return element("article", { class: "episode" },
    element("header", {},
      element("div", {},
        element("div", { class: "where" }, where),
        element("h3", {}, task.question)),
      element("div", { class: "total" }, number(each.total), element("small", {}, "reward")),
      element("div", { class: "row", style: "margin-top:10px" },
        element("span", { class: "chip" }, element("span", { class: `dot ${each.stop}` }), element("span", { class: "word" }, each.stop)),
        ...[each.stage, each.policy].filter(Boolean).map((name) => element("span", { class: "chip" }, name)))),
    task.length > 1 ? timeline(each, task) : null,
    element("div", { class: "body" },
      element("div", {}, ...each.turns.map((turn, at) => drawnTurn(turn, at, each, task, marks))),
      earned(each, task)));
}

// Which marks lie on which picture: those of a turn on the newest picture of their frame, those of the answer on the scene as well.
function placed(each) {
  const newest = new Map(), marks = new Map();
  for (const turn of each.turns) {
    for (const part of turn.seen) if (typeof part !== "string") newest.set(part.frame, part);
    for (const mark of turn.marks ?? []) {
      const on = [newest.get(mark.frame), turn.did === "answer" && each.scene?.frame === mark.frame ? each.scene : null];
      for (const picture of on.filter(Boolean)) marks.set(picture, [...(marks.get(picture) ?? []), mark]);
    }
  }
  return marks;
}

function drawnTurn(turn, at, each, task, marks) {
  const next = turn.did === "select" ? turn : null;
  return element("div", { class: "turn" },
    element("div", { class: "label" }, each.turns.length > 1 ? `turn ${at + 1} of ${each.turns.length}` : "the only turn"),
    element("div", { class: "seen" }, ...flow(turn.seen, task, marks, next)),
    element("pre", { class: `reply ${turn.did}` }, visible(turn.reply) || "(said nothing)"),
    element("div", { class: `meaning ${turn.did}` }, turn.cut_off ? "cut off" : turn.words));
}

// Characters that turn the direction of writing are named instead of obeyed.
const visible = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, (each) => `⟨U+${each.charCodeAt(0).toString(16).toUpperCase()}⟩`);

// Text that runs into a picture is its caption.
function flow(seen, task, marks, chosen) {
  const nodes = [];
  let caption = "";
  for (const part of seen) {
    if (typeof part !== "string") {
      nodes.push(figure(part, caption.trim().replace(/:$/, ""), task, marks.get(part), chosen));
      caption = "";
      continue;
    }
    const text = caption + part, cut = text.lastIndexOf("\n") + 1;
    if (text.slice(0, cut).trim()) nodes.push(element("p", {}, text.slice(0, cut).trim()));
    caption = text.slice(cut);
  }
  if (caption.trim()) nodes.push(element("p", {}, caption.trim()));
  return nodes;
}

const HEIGHTS = { overview: 76, interval: 108, detail: 108 };

function figure(picture, caption, task, marks, chosen) {
  const there = task.present.some(([first, last]) => picture.frame >= first && picture.frame <= last);
  const high = HEIGHTS[picture.role] ?? 232;
  const within = chosen && picture.frame >= chosen.interval[0] && picture.frame <= chosen.interval[1];
  const about = `frame ${picture.frame}, ${picture.role}, shown to it as ${picture.size[0]}×${picture.size[1]}`;
  return element("figure", {},
    frame(picture, high, task, marks, within ? "chosen" : "", about),
    element("figcaption", {},
      task.present.length ? element("span", { class: `there ${there ? "yes" : ""}`, title: there ? "the target is there" : "the target is not there" }) : null,
      caption || `frame ${picture.frame}`));
}

function frame(picture, high, task, marks = [], extra = "", about = "") {
  const [x0, y0, x1, y1] = picture.region;
  const ratio = picture.size[0] / picture.size[1], wide = Math.min(high * ratio, 560);
  const blocky = picture.size[1] < high * 1.5 ? "blocky" : "";
  const source = DATA.images[picture.image];
  return element("span", { class: `frame ${blocky} ${extra}`, style: `width:${wide}px;max-width:100%;aspect-ratio:${ratio}`, title: about },
    source ? element("img", { src: source, alt: about, decoding: "async" }) : element("span", { class: "gone" }, "not kept"),
    shape("svg", { viewBox: `${x0} ${y0} ${x1 - x0} ${y1 - y0}`, preserveAspectRatio: "none" },
      ...(picture.grain ? [] : truth(task.truth[picture.frame])), ...marks.map(mark)));
}

function truth(known) {
  if (!known) return [];
  const mask = known.mask && shape("g", { class: "mark mask" }, shape("path", { d: known.mask.path, transform: `scale(${known.mask.scale})` }));
  return [mask, ...known.boxes.map((box) => rectangle(box, "true"))].filter(Boolean);
}

function mark({ kind, at }) {
  if (kind === "box") return rectangle(at, "said");
  if (kind === "zoom") return rectangle(at, "zoom");
  return point(at, kind === "negative" ? "stroke:var(--bad)" : "");
}

// A line of no length with round ends is a dot that keeps its size, however the frame is scaled.
function point([x, y], colour) {
  const dot = (width, look) => shape("path", { d: `M${x} ${y}h0`, style: `stroke-width:${width};stroke-linecap:round;${look}` });
  return shape("g", { class: "mark said" }, dot(11, "stroke:#000;stroke-opacity:.55"), dot(7, colour));
}

function rectangle([x0, y0, x1, y1], kind) {
  const box = (name) => shape("rect", { class: name, x: x0, y: y0, width: Math.max(x1 - x0, 0), height: Math.max(y1 - y0, 0) });
  return shape("g", { class: `mark ${kind}` }, box("halo"), box("line"));
}

// ---- what it earned ------------------------------------------------------------------------------------------------

function earned(each, task) {
  const names = [...new Set([...Object.keys(each.parts), ...Object.keys(each.failures)])];
  const scale = Math.max(1, ...Object.values(each.parts).map(Math.abs));
  const marks = placed(each).get(each.scene);
  const scene = each.scene ? [element("div", { class: "label" }, `frame ${each.scene.frame}, whole`), frame(each.scene, 264, task, marks)] : [];
  return element("aside", {}, ...scene,
    element("div", {},
      task.answer ? element("div", { class: "label", style: "margin-top:12px" }, `true answer: ${task.answer}`) : null,
      element("div", { class: "parts" }, ...names.flatMap((name) => part(name, each, scale))),
      each.error ? element("div", { class: "error-text" }, each.error) : null));
}

function part(name, each, scale) {
  const value = each.parts[name] ?? null, failure = each.failures[name];
  const bar = element("i", { class: value < 0 ? "less" : "", style: `width:${100 * Math.abs(value ?? 0) / scale}%` });
  return [element("span", {}, name), element("span", { class: "bar" }, bar), element("span", {}, number(value)),
    failure ? element("span", { class: `why ${failure[0]}` }, failure[1]) : null].filter(Boolean);
}

// ---- the time line -------------------------------------------------------------------------------------------------

// A row for the truth and one for each turn: frames that were seen, the stretch that was chosen, the keyframe.
function timeline(each, task) {
  const at = (frame) => `${100 * frame / task.length}%`, middle = (frame) => at(frame + 0.5);
  const bar = (name, first, last) => shape("rect", { class: name, x: at(first), y: 3, width: at(last - first + 1), height: 11, rx: 2 });
  const here = (frame, mark) => shape("svg", { x: middle(frame), y: 8.5, overflow: "visible" }, mark);
  const row = (label, ...marks) => element("div", { class: "lane" }, element("span", {}, label), shape("svg", {}, bar("track", 0, task.length - 1), ...marks));

  const there = task.present.length || !task.interval ? task.present : [task.interval];
  const turns = each.turns.map((turn, number) => {
    const seen = turn.seen.filter((part) => typeof part !== "string");
    return row(`turn ${number + 1}`,
      turn.interval ? bar(`band ${turn.did}`, ...turn.interval) : "",
      ...seen.map((part) => here(part.frame, shape("circle", { class: "saw", r: 2.2 }))),
      typeof turn.keyframe === "number" ? here(turn.keyframe, shape("path", { class: `key ${turn.did}`, d: "M0 -6l6 6l-6 6l-6 -6z" })) : "");
  });
  const step = ticks(task.length), labels = [];
  for (let frame = 0; frame < task.length; frame += step) {
    labels.push(shape("text", { x: middle(frame), y: 11, "text-anchor": "middle" }, String(frame)));
  }
  return element("div", { class: "time", role: "img", "aria-label": "time line" },
    row("target there", ...there.map(([first, last]) => bar("present", first, last))), ...turns,
    element("div", { class: "lane" }, element("span", {}, "frame"), shape("svg", {}, ...labels)));
}

const ticks = (length) => [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((step) => length / step <= 16) ?? length;

// ---- the page ------------------------------------------------------------------------------------------------------

function page() {
  const light = element("button", { class: "chip push", onclick: () => {
    const dark = getComputedStyle(document.body).backgroundColor !== "rgb(250, 249, 246)";
    document.documentElement.style.colorScheme = dark ? "light" : "dark";
  } }, "light or dark");
  document.getElementById("page").append(
    element("div", { class: "head" }, element("h1", {}, DATA.name), light),
    ...DATA.notes.map((text) => element("div", { class: "note" }, text)),
    ...DATA.sections.map((section) => element("section", {}, element("h2", {}, section.title), SECTIONS[section.draw](section))));
}

page();
