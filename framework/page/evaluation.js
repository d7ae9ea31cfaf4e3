// What an evaluation found: the sentence, the gains with their intervals, and tables.

function headline(section) {
  return element("div", {},
    element("p", { class: "sentence" }, section.sentence),
    section.gains?.length ? intervals(section.gains) : null,
    ...section.facts.map((text) => element("p", { class: "fact" }, text)));
}

// A line from low to high, a dot at the mean, and where nothing would be.
function intervals(gains) {
  const ends = gains.flatMap(({ low, high }) => [low, high]), reach = Math.max(...ends) - Math.min(0, ...ends) || 1;
  const least = Math.min(0, ...ends) - 0.06 * reach, most = Math.max(0, ...ends) + 0.06 * reach;
  const at = (value) => `${(100 * (value - least) / (most - least)).toFixed(2)}%`;
  const rows = gains.flatMap(({ name, mean, low, high }) => [
    element("span", {}, name),
    shape("svg", { role: "img", "aria-label": `${name}: ${signed(mean)}, from ${signed(low)} to ${signed(high)}` },
      shape("line", { class: "nothing", x1: at(0), x2: at(0), y1: 0, y2: 26 }),
      shape("line", { class: "reach", x1: at(low), x2: at(high), y1: 13, y2: 13 }),
      shape("circle", { class: "mean", cx: at(mean), cy: 13, r: 5 })),
    element("b", {}, signed(mean)),
    element("span", {}, `${signed(low)} to ${signed(high)}`)]);
  return element("div", { class: "intervals" }, ...rows);
}

const signed = (value, digits = 3) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

function tables(section) {
  return element("div", {},
    element("p", { class: "soft" }, section.about),
    ...section.tables.map((each) => element("div", {},
      each.caption ? element("h3", {}, each.caption) : null, table(each))));
}

function table({ columns, rows }) {
  return element("div", { class: "scroll" }, element("table", {},
    element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", {}, name)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell))))));
}

function cell(said) {
  if (typeof said === "string") return element("td", {}, said);
  const bar = element("span", { class: "bar" }, element("i", { style: `width:${100 * said.share}%` }));
  return element("td", { class: "barred" }, bar, said.text);
}
