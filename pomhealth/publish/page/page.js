// Keeps the page up to date, and says so when it is not. Without it the page renews itself.
"use strict";
(() => {
  const root = document.documentElement;
  const body = document.body;
  const get = (id) => document.getElementById(id);
  const LONGEST = 15; // seconds between two tries
  const PATIENT = 5000; // milliseconds that the agent may take over the page

  let source = null; // the events that are listened to
  let last = body.dataset.event; // the last event that the page holds
  let beat = 10; // seconds between two signs of life
  let heard = Date.now(); // when the agent was last heard of, on our clock
  let ahead = 0; // milliseconds that the agent's clock is ahead of ours
  let tries = 0;
  let again = 0; // the timer of the next try
  let overdue = 0; // the timer of the next sign of life

  // --- times, in the server's words -------------------------------------------------------------------------------

  function span(seconds) {
    const two = (large, small, names) => `${large} ${names[0]}` + (small ? ` ${small} ${names[1]}` : "");
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return two(Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), ["h", "min"]);
    return two(Math.floor(seconds / 86400), Math.floor((seconds % 86400) / 3600), ["d", "h"]);
  }

  function age(since, now) {
    const seconds = Math.max(Math.floor((now - since) / 1000), 0);
    return seconds < 1 ? "just now" : `${span(seconds)} ago`;
  }

  const clock = (at) => new Date(at).toISOString().slice(11, 19) + " UTC";

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  /** Puts into a part what changes all the time (when each check was looked at, every age), and what only a script can. */
  function date(part) {
    const looked = part.id === "part-looked" ? part : part.querySelector("#part-looked") || get("part-looked");
    const at = JSON.parse(looked?.dataset.at || "{}");
    for (const time of part.querySelectorAll("time[data-of]")) {
      const seconds = at[time.dataset.of];
      if (seconds) time.dateTime = new Date(seconds * 1000).toISOString();
      else write(time, "not yet");
    }
    const now = Date.now() + ahead;
    for (const command of part.querySelectorAll(".cmd:not(:has(button))")) command.append(copier(command.textContent));
    for (const strip of part.querySelectorAll("svg.strip:not(:has(title))")) strip.append(inWords(strip));
    for (const time of part.querySelectorAll("time.age[datetime]")) write(time, age(Date.parse(time.dateTime), now));
  }

  /** What a strip tells, for whoever points at it: the details below have it too. */
  function inWords(strip) {
    const name = strip.classList.contains("day") ? "last day" : "last hour";
    const title = document.createElementNS(strip.namespaceURI, "title");
    const term = [...strip.closest("details").querySelectorAll("dt")].find((one) => one.textContent.trim() === name);
    title.textContent = term ? `${name}: ${term.nextElementSibling.textContent.trim()}` : name;
    return title;
  }

  // --- taking over what is new, where it differs: focus, open details, selection and scroll position stay -----------

  function morph(here, want) {
    if (here.nodeName !== want.nodeName) return here.replaceWith(want);
    if (here.nodeType !== Node.ELEMENT_NODE) {
      if (here.data !== want.data) here.data = want.data;
      return undefined;
    }
    for (const { name, value } of want.attributes) {
      if (here.getAttribute(name) !== value) here.setAttribute(name, value);
    }
    for (const { name } of [...here.attributes]) {
      if (name !== "open" && !want.hasAttribute(name)) here.removeAttribute(name);
    }
    return morphChildren(here, want);
  }

  const aside = new Map(); // what has left one part may come to stand in the next: it stays as somebody left it

  function putAside(child) {
    child.remove();
    aside.set(child.id, child);
    setTimeout(() => aside.delete(child.id), 1000);
  }

  function morphChildren(here, want) {
    const wanted = new Set([...want.children].map((child) => child.id));
    for (const child of [...here.children]) if (child.id && !wanted.has(child.id)) putAside(child);
    const known = new Map([...here.children].filter((child) => child.id).map((child) => [child.id, child]));
    let place = here.firstChild;
    for (const next of [...want.childNodes]) {
      const same = next.id ? known.get(next.id) || get(next.id) || aside.get(next.id) : !place?.id && place?.nodeName === next.nodeName ? place : null;
      if (!same) here.insertBefore(next, place);
      else {
        if (same === place) place = place.nextSibling;
        else here.insertBefore(same, place);
        morph(same, next);
      }
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }

  function take(id, want) {
    const here = get(id);
    if (!here || !want) return false;
    const focused = document.activeElement;
    date(want);
    morph(here, want);
    if (id === "part-looked" || id === "main") date(get("main"));
    if (focused && focused !== document.activeElement) {
      (focused.isConnected ? focused : get("now")).focus({ preventScroll: true });
    }
    entitle();
    return true;
  }

  /** The title and the icon tell the verdict too, and a screen reader is told when it turns. */
  function entitle() {
    const verdict = get("part-verdict").dataset;
    const isOld = root.classList.contains("is-old");
    const title = (isOld ? "(old) " : "") + verdict.title;
    const icon = isOld ? body.dataset.old : verdict.icon;
    if (document.title !== title) {
      document.title = title;
      if (!isOld) say(verdict.title);
    }
    if (get("icon").getAttribute("href") !== icon) get("icon").setAttribute("href", icon);
  }

  const say = (text) => write(get("said"), text);

  // --- being live, and saying when it is not ------------------------------------------------------------------------

  function alive() {
    heard = Date.now();
    tries = 0;
    clearTimeout(overdue);
    overdue = setTimeout(() => lose("The agent gives no sign of life."), 2500 * beat);
    root.classList.add("live");
    write(get("asof"), `Live, last word at ${clock(heard + ahead)}`);
    if (root.classList.contains("is-old")) {
      root.classList.remove("is-old");
      get("old").textContent = "";
      delete get("old").dataset.told;
      entitle();
      say("The agent is heard of again.");
    }
  }

  function lose(why) {
    source?.close();
    source = null;
    clearTimeout(overdue);
    root.classList.remove("live");
    root.classList.add("is-old");
    const at = new Date(heard + ahead).toISOString();
    write(get("asof"), `As of ${clock(at)}`);
    const told = `${at} ${why}`;
    if (get("old").dataset.told !== told) {
      const time = document.createElement("time");
      time.className = "age";
      time.dateTime = at;
      const counting = document.createElement("span");
      counting.setAttribute("aria-hidden", "true"); // or it would be read out every second
      counting.append(" (", time, ")");
      get("old").replaceChildren(`What is shown here is old, as of ${clock(at)}`, counting, `. ${why} Trying to reach it again.`);
      get("old").dataset.told = told;
    }
    date(get("old"));
    entitle();
    const pause = Math.min(LONGEST, 0.5 * 2 ** tries++);
    clearTimeout(again);
    again = setTimeout(retry, pause * (750 + 500 * Math.random()));
  }

  async function retry() {
    clearTimeout(again);
    try {
      await renew();
    } catch {
      return lose("The agent cannot be reached.");
    }
    return listen();
  }

  /** The whole page anew: what was missed is not known in parts. */
  async function renew() {
    const answer = await fetch(location.pathname + location.search, {
      headers: { Accept: "text/html" },
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENT),
    });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const said = page.body.dataset;
    if (!answer.ok || !said.version) throw new Error("this is not the page");
    if (said.version !== body.dataset.version) return location.reload();
    last = said.event;
    heard = Date.now();
    if (Number(said.now)) ahead = Number(said.now) * 1000 - heard;
    return take("main", page.querySelector("main"));
  }

  function listen() {
    source?.close();
    clearTimeout(again);
    const here = new EventSource(`events?parts=${body.dataset.follows}&last=${encodeURIComponent(last)}`);
    source = here;
    const on = (name, act) =>
      here.addEventListener(name, (event) => {
        if (here !== source) return;
        if (event.lastEventId) last = event.lastEventId;
        act(JSON.parse(event.data || "{}"));
      });
    on("hello", (said) => {
      beat = said.beat || beat;
      alive();
    });
    on("beat", (said) => {
      if (said.at) ahead = Date.parse(said.at) - Date.now();
      alive();
    });
    on("part", (said) => {
      const made = document.createElement("template");
      made.innerHTML = said.html;
      if (take(said.id, made.content.firstElementChild)) alive();
      else retry();
    });
    on("reset", retry);
    on("bye", () => lose("The agent has stopped."));
    here.onerror = () => here === source && lose("The connection to the agent has ended.");
  }

  /** A tab that was hidden, or a machine that slept, catches up at once. */
  function catchUp() {
    if (document.hidden) return;
    date(body);
    const silent = Date.now() - heard > 2500 * beat;
    if (!source || silent) {
      tries = 0;
      retry();
    }
  }

  // --- copying ------------------------------------------------------------------------------------------------------

  function copier(command) {
    const button = document.createElement("button");
    button.className = "copy";
    button.type = "button";
    button.textContent = "copy";
    button.setAttribute("aria-label", `copy ${command}`);
    return button;
  }

  async function copy(button) {
    const code = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code); // where the page does not come over HTTPS or from this machine
      document.execCommand("copy");
    }
    button.textContent = "copied";
    say("Copied.");
    setTimeout(() => write(button, "copy"), 2000);
  }

  if (Number(body.dataset.now)) ahead = Number(body.dataset.now) * 1000 - Date.now();
  body.addEventListener("click", (event) => {
    const button = event.target.closest(".copy");
    if (button) copy(button);
  });
  document.addEventListener("visibilitychange", catchUp);
  addEventListener("online", catchUp);
  addEventListener("pageshow", (event) => event.persisted && catchUp());
  setInterval(() => document.hidden || date(body), 1000);
  date(body);
  listen();
})();
