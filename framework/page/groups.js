// Groups of a step: the episodes of one task beside each other, each with what it earned and what was learned from it.

function groups(section) {
  const stages = [...new Set(section.groups.map(({ stage }) => stage))], list = element("div");
  const tabs = stages.map((stage) => element("button", { class: "chip", onclick: () => chosen(stage) }, stage));
  function chosen(stage) {
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.textContent === stage));
    list.replaceChildren(...section.groups.filter((each) => each.stage === stage).map(group));
  }
  chosen(stages.at(-1));
  return element("div", {},
    element("p", { class: "soft" }, "Of some steps, the groups whose rewards differ most. What an episode said is made likelier as far as its advantage is above 0, and less likely as far as it is below. Choose an episode to see it whole."),
    element("div", { class: "row either" }, ...tabs), list);
}

function group({ episodes }) {
  const all = episodes.map((place) => DATA.episodes[place]), task = DATA.tasks[all[0].task];
  const totals = all.map(({ total }) => total).filter((total) => total !== null);
  const mean = totals.reduce((sum, total) => sum + total, 0) / totals.length;
  const most = Math.max(1e-9, ...all.map(({ advantage }) => Math.abs(advantage ?? 0)));
  return element("article", { class: "episode group" },
    element("header", {},
      element("div", {}, element("div", { class: "where" }, [task.id, task.kind].filter(Boolean).join("  ·  ")), element("h3", {}, task.question)),
      element("div", { class: "total" }, number(totals.length ? mean : null), element("small", {}, "mean reward"))),
    element("div", { class: "cards" }, ...all.map((each) => card(each, task, most))));
}

function card(each, task, most) {
  const share = 50 * Math.abs(each.advantage ?? 0) / most, less = each.advantage < 0;
  const names = Object.keys(each.parts);
  return element("button", { class: "card", title: "see it whole", onclick: () => whole(each, task) },
    each.scene ? frame(each.scene, 190, task, placed(each).get(each.scene)) : null,
    element("span", { class: "advantage" },
      element("span", { class: "beam" }, element("i", { class: less ? "less" : "", style: `width:${share}%` })),
      element("b", {}, each.advantage === null ? "not learned from" : signed(each.advantage, 2))),
    element("span", { class: "gist" }, each.turns.map((turn) => (turn.cut_off ? "cut off" : turn.words)).join(" → ")),
    element("span", { class: "tiny" }, ...[["reward", each.total], ...names.map((name) => [name, each.parts[name]])].map(([name, value]) =>
      element("span", {}, `${name} `, element("b", {}, number(value, 2))))));
}

// One episode over the page, until one clicks beside it.
function whole(each, task) {
  const shown = element("dialog", {}, episode(each, task));
  shown.querySelector("header .row").append(element("button", { class: "chip push", onclick: () => shown.close() }, "close"));
  shown.addEventListener("click", (event) => event.target === shown && shown.close());
  shown.addEventListener("close", () => shown.remove());
  document.body.append(shown);
  shown.showModal();
}
