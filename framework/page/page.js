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
  headline, curves, tables, pairs, groups, rescored,
  table: (section) => table(section),
  episodes() {
    const feed = new Feed(DATA.tasks);
    const choice = new Choice(DATA.episodes, DATA.tasks, (chosen) => feed.show(chosen));
    choice.changed();
    return element("div", {}, choice.controls, feed.list, feed.end);
  },
};

function drawnSection(section, at) {
  return element("section", { id: `section-${at}`, class: section.draw },
    section.title ? element("h2", {}, section.title) : null, SECTIONS[section.draw](section));
}

// Where one is in a long page, and how to get elsewhere.
function contents() {
  const links = DATA.sections.flatMap(({ title }, at) => (title ? [element("a", { href: `#section-${at}` }, title)] : []));
  return links.length > 2 ? element("nav", {}, ...links) : null;
}

// ---- the page ------------------------------------------------------------------------------------------------------

function page() {
  const light = element("button", { class: "chip push", onclick: () => {
    const dark = getComputedStyle(document.body).backgroundColor !== "rgb(250, 249, 246)";
    document.documentElement.style.colorScheme = dark ? "light" : "dark";
  } }, "light or dark");
  document.getElementById("page").append(
    element("div", { class: "head" }, element("h1", {}, DATA.name), light),
    contents() ?? "",
    ...DATA.notes.map((text) => element("div", { class: "note" }, text)),
    ...DATA.sections.map(drawnSection));
}

page();
