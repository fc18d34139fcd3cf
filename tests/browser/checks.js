// Runs in a page; returns what is wrong with it as lines.
const wrong = [];
const say = (text, element) => wrong.push(element ? `${text}: ${element.outerHTML.slice(0, 120)}` : text);

for (const e of document.querySelectorAll("[style], style, script:not([src])")) say("inline style or script", e);
for (const e of document.querySelectorAll("*"))
  for (const a of e.attributes) if (a.name.startsWith("on")) say("inline handler", e);

const seen = new Set();
for (const e of document.querySelectorAll("[id]")) {
  if (seen.has(e.id)) say(`id ${e.id} twice`, e);
  seen.add(e.id);
}
for (const name of ["for", "aria-labelledby", "aria-describedby", "popovertarget", "data-copy"])
  for (const e of document.querySelectorAll(`[${name}]`))
    for (const id of e.getAttribute(name).split(/\s+/)) if (!seen.has(id)) say(`${name} names nothing`, e);
for (const e of document.querySelectorAll('a[href^="#"]')) if (!seen.has(e.getAttribute("href").slice(1))) say("link to nothing", e);

if (document.querySelectorAll("h1").length !== 1) say("not one h1");
if (!document.querySelector("main")) say("no main");
for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
  if (!e.labels?.length && !e.getAttribute("aria-label") && !e.hidden) say("field without a label", e);
for (const e of document.querySelectorAll("button, a[href]"))
  if (!(e.innerText || e.textContent).trim() && !e.getAttribute("aria-label")) say("button without a name", e);
for (const e of document.querySelectorAll("form"))
  if (e.method === "post" && !e.elements.csrf) say("form without csrf", e);

// Contrast of text against what lies behind it. Colours come as rgb() or color(srgb …).
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return canvas.getImageData(0, 0, 1, 1).data;
};
const luminance = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const colour = rgba(getComputedStyle(e).backgroundColor);
    if (colour[3] === 255) return colour;
  }
  return rgba("Canvas");
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.closest("[aria-hidden]")) continue;
  const [a, b] = [luminance(rgba(getComputedStyle(e).color)), luminance(behind(e))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) say(`contrast ${contrast.toFixed(1)}`, e);
}
return wrong;
