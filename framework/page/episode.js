// One episode: its time line, its turns with the pictures that were seen and the marks on them, and what it earned.

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
        ...[each.stage, each.policy].filter(Boolean).map((name) => element("span", { class: "chip" }, name)),
        each.advantage === null ? null : element("span", { class: "chip" }, `advantage ${signed(each.advantage, 2)}`))),
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

const HEIGHTS = { overview: 76, reference: 76, interval: 108, detail: 108 };

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
  return element("span", { class: `frame ${blocky} ${extra}`, style: `width:calc(var(--scale, 1) * ${wide}px);max-width:100%;aspect-ratio:${ratio}`, title: about },
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

// A row for the truth, one for each question of a sampler with the replies to it, one for what it found, and one for
// each turn: frames that were seen, the stretch that was chosen, the keyframe.
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
  const focus = each.focus ? [
    ...each.focus.asked.map((asked, number) => row(`asked ${number + 1}`,
      ...asked.stretches.map((stretch) => bar("band reply", ...stretch)),
      ...asked.seen.map((frame) => here(frame, shape("circle", { class: "saw", r: 2.2 }))),
      ...asked.frames.map((frame) => here(frame, shape("path", { class: "key reply", d: "M0 -6l6 6l-6 6l-6 -6z" }))),
      shape("title", {}, asked.replies.map(visible).join("\n")))),
    row("looks at", bar("band focus", ...each.focus.segment),
      typeof each.focus.target === "number" ? here(each.focus.target, shape("path", { class: "key focus", d: "M0 -6l6 6l-6 6l-6 -6z" })) : ""),
  ] : [];
  const step = ticks(task.length), labels = [];
  for (let frame = 0; frame < task.length; frame += step) {
    labels.push(shape("text", { x: middle(frame), y: 11, "text-anchor": "middle" }, String(frame)));
  }
  return element("div", { class: "time", role: "img", "aria-label": "time line" },
    row("target there", ...there.map(([first, last]) => bar("present", first, last))), ...focus, ...turns,
    element("div", { class: "lane" }, element("span", {}, "frame"), shape("svg", {}, ...labels)));
}

const ticks = (length) => [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((step) => length / step <= 16) ?? length;
