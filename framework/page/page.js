// The page from its data: sections one below the other. Every word of a reply goes in as text, never as markup.
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
