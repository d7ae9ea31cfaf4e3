// Stored episodes under another recipe: each as it was, with what it earned then and would earn now.

function rescored(section) {
  return section.pairs.length ? pairs(section, twice) : element("p", { class: "soft" }, "No episode has a reward both then and now.");
}

function twice(section, { episodes: [place], scores, advantages, parts }) {
  const each = DATA.episodes[place], drawn = episode(each, DATA.tasks[each.task]), value = (said) => number(said, 3);
  const rows = [["reward", ...scores.map(value)], ["advantage", ...advantages.map((said) => signed(said, 2))],
    ...parts.map(([name, ...said]) => [name, ...said.map(value)])];
  drawn.querySelector(".parts")?.replaceWith(table({ columns: ["", section.before, section.after], rows }));
  return drawn;
}
