"use strict";
(() => {
  const body = document.body, live = document.getElementById("live-state"), pause = document.getElementById("pause");
  const interval = Number(body.dataset.refresh) * 1000;
  const here = () => location.href.split("#")[0];
  let paused = false, last = Date.now(), lost = false;
  body.classList.add("scripted");

  // The result of an action is told once: the address must not repeat it on a reload.
  const told = /;st=[A-Z]*/;
  if (told.test(location.href)) history.replaceState(null, "", location.href.replace(told, ""));

  // Makes the node `from` equal to `to` and touches only what differs, so that scroll position, selection, focus, ticked boxes and open
  // details stay. Nodes with an id are the same thing only if the id is the same.
  function morph(from, to) {
    if (from.isEqualNode(to)) return;
    if (from.nodeName !== to.nodeName || from.id !== to.id) return from.replaceWith(to);
    if (from.nodeType !== Node.ELEMENT_NODE) { from.nodeValue = to.nodeValue; return; }
    for (const { name } of [...from.attributes]) if (name !== "open" && !to.hasAttribute(name)) from.removeAttribute(name);
    for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    const old = [...from.childNodes], now = [...to.childNodes];
    now.forEach((node, i) => (i < old.length ? morph(old[i], node) : from.append(node)));
    old.slice(now.length).forEach((node) => node.remove());
  }

  async function update() {
    try {
      const answer = await fetch(here(), { cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(8000) });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of ["health", "live", "icon"]) morph(document.getElementById(id), page.getElementById(id));
      document.title = page.title;
      last = Date.now();
      lost = false;
    } catch {
      lost = true;
    }
    tell();
  }

  function tell() {
    const age = Math.round((Date.now() - last) / 1000);
    live.classList.toggle("stale", lost);
    live.textContent = lost ? `No answer for ${age} s` : paused ? "Paused" : age < 2 ? "Live" : `Live, ${age} s ago`;
  }

  body.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-all]")) return;
    for (const box of target.closest("form").querySelectorAll("input[name=s]")) box.checked = target.checked;
  });
  document.getElementById("scope").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = event.target.elements[0].value.trim();
    location.href = event.target.action + (text ? ";scope=" + encodeURIComponent(text) : "");
  });

  if (!interval) return;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Resume" : "Pause";
    paused ? tell() : update();
  });
  // The page comes with a Refresh header, for browsers without script. window.stop() takes back the reload that it scheduled, but only once
  // the page has loaded. Where a browser does not take it back, the page reloads as it does without script.
  const start = () => {
    window.stop();
    setInterval(() => paused || document.hidden || update(), interval);
    setInterval(tell, 1000);
    document.addEventListener("visibilitychange", () => document.hidden || paused || update());
    tell();
  };
  document.readyState === "complete" ? setTimeout(start) : addEventListener("load", () => setTimeout(start));
})();
