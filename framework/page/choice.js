// Which episodes are shown, in what order, and with which marks; drawn as the reader comes to them.

const ORDERS = {
  "as recorded": () => (a, b) => a.number - b.number,
  "least reward first": (value) => (a, b) => (value(a) ?? Infinity) - (value(b) ?? Infinity) || a.number - b.number,
  "most reward first": (value) => (a, b) => (value(b) ?? -Infinity) - (value(a) ?? -Infinity) || a.number - b.number,
  "by task": () => (a, b) => a.task.localeCompare(b.task, undefined, { numeric: true }) || a.number - b.number,
  "most turns first": () => (a, b) => b.turns.length - a.turns.length || a.number - b.number,
};
const BINS = 24;

class Choice {
  constructor(episodes, tasks, show) {
    this.all = episodes;
    this.tasks = tasks;
    this.show = show;
    this.off = { stop: new Set(), stage: new Set(), policy: new Set(), kind: new Set() };
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
      element("div", { class: "row" }, ...Object.keys(this.off).flatMap((key) => this.chips(key)), this.count),
      element("div", { class: "row" },
        element("label", {}, "reward", this.part), this.bars, this.low, this.high,
        element("label", {}, "order", this.order), this.text),
      element("div", { class: "row" }, element("span", { class: "soft small" }, "on the frames"), ...OVERLAYS.map(toggle)));
    this.another();
  }

  of(key, each) {
    if (key === "kind") return this.tasks[each.task].kind;
    return key === "stage" ? each.stage.replace(/ step \d+$/, "") : each[key];
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
    const label = element("span", { class: "soft small" }, { stop: "ended", stage: "stage", policy: "player", kind: "kind" }[key]);
    return [label, ...[...counts].map(([name, count]) => {
      const dot = key === "stop" ? element("span", { class: `dot ${name}` }) : null;
      const chip = element("button", { class: "chip", "aria-pressed": "true" }, dot, element("span", { class: "word" }, name), element("b", {}, String(count)));
      chip.addEventListener("click", () => {
        const off = this.off[key];
        if (!off.delete(name)) off.add(name);
        chip.setAttribute("aria-pressed", String(!off.has(name)));
        this.changed();
      });
      return chip;
    })];
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
