// The same task before and after training: all pairs as points, and some of them side by side.

const FIELD = { size: 300, room: 30 };

function pairs(section, drawn = pair) {
  const list = element("div"), points = scatter(section, (at) => chosen("", [at]));
  const tabs = Object.entries(section.lists).filter(([, places]) => places.length).map(([name, places]) =>
    element("button", { class: "chip", onclick: () => chosen(name, places) }, name));
  function chosen(name, places) {
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.textContent === name));
    points.mark(new Set(places));
    list.replaceChildren(...places.map((at) => drawn(section, section.pairs[at])));
  }
  if (tabs.length) chosen(tabs[0].textContent, section.lists[tabs[0].textContent]);
  return element("div", {},
    element("div", { class: "field" }, points.node,
      element("div", {},
        element("p", { class: "soft" }, section.about ?? `Each point is a held-out task: its ${section.score} with ${section.before} across, with ${section.after} upwards. Above the diagonal training helped. Choose a point to see its two episodes.`),
        element("div", { class: "row either" }, ...tabs))),
    list);
}

function scatter(section, choose) {
  const { size, room } = FIELD, scores = section.pairs.flatMap((each) => each.scores);
  const least = Math.min(0, ...scores), most = Math.max(1, ...scores);
  const at = (value) => (value - least) / (most - least) * (size - 2 * room) + room;
  const dots = section.pairs.map(({ episodes, scores: [before, after] }, place) => shape("circle", {
    cx: at(before), cy: size - at(after), r: 4, class: after > before ? "more" : after < before ? "less" : "same", onclick: () => choose(place),
  }, shape("title", {}, `${DATA.episodes[episodes[0]].task}: ${number(before)} → ${number(after)}`)));
  const node = shape("svg", { class: "scatter", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": `${section.score} before and after` },
    shape("rect", { x: room, y: room, width: size - 2 * room, height: size - 2 * room }),
    shape("line", { x1: room, y1: size - room, x2: size - room, y2: room }),
    shape("text", { x: size / 2, y: size - 8, "text-anchor": "middle" }, section.before),
    shape("text", { x: 14, y: size / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${size / 2})` }, section.after),
    ...[least, most].flatMap((value) => [
      shape("text", { x: at(value), y: size - 12, "text-anchor": "middle" }, String(value)),
      shape("text", { x: 20, y: size - at(value) + 4, "text-anchor": "middle" }, String(value))]),
    ...dots);
  return { node, mark: (places) => dots.forEach((dot, place) => dot.classList.toggle("in", places.has(place))) };
}

function pair(section, { episodes, scores: [before, after] }) {
  const [early, late] = episodes.map((place) => DATA.episodes[place]), task = DATA.tasks[early.task];
  const change = after - before;
  return element("article", { class: "episode pair" },
    element("header", {},
      element("div", {}, element("div", { class: "where" }, [task.id, task.kind].filter(Boolean).join("  ·  ")), element("h3", {}, task.question)),
      element("div", { class: `total ${change < 0 ? "fell" : ""}` }, signed(change), element("small", {}, section.score))),
    element("div", { class: "sides" }, side(early, task, before), side(late, task, after)));
}

function side(each, task, score) {
  const marks = placed(each);
  return element("div", { class: "side" },
    element("div", { class: "row" }, element("b", {}, each.policy), element("span", { class: `dot ${each.stop}`, title: each.stop }), element("span", { class: "push" }, number(score))),
    task.length > 1 ? timeline(each, task) : null,
    ...each.turns.map((turn, at) => drawnTurn(turn, at, each, task, marks)),
    earned(each, task));
}
