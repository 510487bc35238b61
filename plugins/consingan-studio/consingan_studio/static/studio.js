// The gallery: samples are asked for when they are scrolled to, some dozen places at a time.
"use strict";

const BATCH = 40;
const AT_ONCE = 2; // the browser has six connections, and others wait for one too

// Pictures that are in sight are loaded one after another; those that left it wait again.
const waiting = new Set();
let loading = 0;

function load() {
  for (const image of waiting) {
    if (loading >= AT_ONCE) return;
    waiting.delete(image);
    if (!image.isConnected) continue;
    loading += 1;
    const done = () => { loading -= 1; load(); };
    image.addEventListener("load", done, { once: true });
    image.addEventListener("error", done, { once: true });
    image.src = image.dataset.src;
    inSight.unobserve(image);
  }
}

const inSight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) waiting.add(target);
    else waiting.delete(target);
  }
  load();
}, { rootMargin: "100px" });

function address(gallery, name, index, side) {
  const query = new URLSearchParams({ index, seed: gallery.seed });
  if (gallery.width !== gallery.own[0] || gallery.height !== gallery.own[1]) {
    query.set("w", gallery.width);
    query.set("h", gallery.height);
  }
  if (side) query.set("side", side);
  return `/runs/${encodeURI(gallery.run)}/${name}?${query}`;
}

function starName(gallery, index) {
  const resized = gallery.width !== gallery.own[0] || gallery.height !== gallery.own[1];
  const size = resized ? `-${gallery.width}x${gallery.height}` : "";
  return `${gallery.seed}-${index}${size}`;
}

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function starButton(gallery, index) {
  const label = `${gallery.words.Star} ${index}`;
  const button = element("button", { type: "button", class: "star", "aria-label": label }, "★");
  const name = starName(gallery, index);
  const show = () => button.setAttribute("aria-pressed", gallery.stars.has(name));
  button.addEventListener("click", async () => {
    const answer = await fetch(`/runs/${encodeURI(gallery.run)}/stars`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sample: name, starred: !gallery.stars.has(name) }),
    });
    if (answer.ok) gallery.stars = new Set(await answer.json());
    show();
    document.dispatchEvent(new CustomEvent("stars"));
  });
  document.addEventListener("stars", show);
  show();
  return button;
}

function open(gallery, index) {
  const words = gallery.words;
  const frame = element("div", { class: "frame", title: words["Drag the corner to change the size"] });
  const image = element("img", { alt: `${words.Sample} ${index}`, fetchpriority: "high" });
  frame.append(image);
  const chosen = { ...gallery };
  const bar = element("div", { class: "bar" });
  const size = element("span", {});
  const dialog = element("dialog", { class: "chosen", "aria-label": `${words.Sample} ${index}` }, frame, bar);

  const show = () => {
    image.src = address(chosen, "thumbnail.jpg", index, 1600);
    size.textContent = `${words.Sample} ${index}, ${chosen.width} × ${chosen.height}`;
    const step = (by, name) => {
      const button = element("button", { type: "button" }, words[name]);
      button.addEventListener("click", () => { dialog.close(); open(gallery, index + by); });
      return button;
    };
    const save = (name, file) => element("a", { href: address(chosen, file, index), download: "" }, words[name]);
    const close = element("button", { type: "button" }, words.Close);
    close.addEventListener("click", () => dialog.close());
    bar.replaceChildren(
      size, ...(index > 0 ? [step(-1, "Previous")] : []), step(1, "Next"), starButton(chosen, index),
      save("Download", "sample.png"), save("Settings", "settings.json"), close,
    );
  };

  const shown = 480 / Math.max(chosen.width, chosen.height);
  frame.style.width = `${chosen.width * shown}px`;
  frame.style.height = `${chosen.height * shown}px`;
  let before = "";
  const resized = () => {
    const now = `${frame.clientWidth}x${frame.clientHeight}`;
    if (before && now !== before) {
      chosen.width = Math.max(1, Math.round(frame.clientWidth / shown));
      chosen.height = Math.max(1, Math.round(frame.clientHeight / shown));
      show();
    }
    before = now;
  };
  frame.addEventListener("pointerup", resized);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  show();
  dialog.showModal();
  before = `${frame.clientWidth}x${frame.clientHeight}`;
}

function place(gallery, index) {
  const words = gallery.words;
  const image = element("img", {
    alt: "",
    width: gallery.width, height: gallery.height, "data-src": address(gallery, "thumbnail.jpg", index, 256),
  });
  image.style.aspectRatio = `${gallery.width} / ${gallery.height}`;
  image.style.height = "auto";
  inSight.observe(image);
  const button = element("button", { type: "button", "aria-label": `${words.Sample} ${index}` }, image);
  button.addEventListener("click", () => open(gallery, index));
  const number = element("span", { class: "number", "aria-hidden": "true" }, String(index));
  return element("div", { class: "sample" }, button, number, starButton(gallery, index));
}

async function fill(root) {
  const gallery = JSON.parse(root.dataset.gallery);
  const answer = await fetch(`/runs/${encodeURI(gallery.run)}/stars`);
  gallery.stars = new Set(answer.ok ? await answer.json() : []);
  const all = gallery.starred
    ? [...gallery.stars].map((star) => star.split("-"))
        .filter(([seed]) => Number(seed) === gallery.seed).map(([, index]) => Number(index))
    : null;
  let next = 0;
  const more = element("div", { class: "more" });
  root.replaceChildren(more);
  const add = () => {
    const end = Math.min(next + BATCH, all ? all.length : gallery.count);
    for (; next < end; next += 1) more.before(place(gallery, all ? all[next] : next));
    return end < (all ? all.length : gallery.count);
  };
  const seen = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && !add()) seen.disconnect();
  }, { root, rootMargin: "300px" });
  if (add()) seen.observe(more);
}

new MutationObserver(() => {
  for (const root of document.querySelectorAll("[data-gallery]:not([data-filled])")) {
    root.dataset.filled = "";
    fill(root);
  }
}).observe(document.documentElement, { childList: true, subtree: true });
