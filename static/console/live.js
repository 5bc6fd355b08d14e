/* Refreshes the live parts of a page: a frame on /ws/console/ is only a hint to fetch the page's fragment again. */
(() => {
  const parts = () => [...document.querySelectorAll("[data-live][id]")];
  const topics = () => {
    const wanted = new Map([["queue", undefined], ["inbox", undefined]]);
    for (const part of document.querySelectorAll("[data-live-topic]")) wanted.set(part.dataset.liveTopic, Number(part.dataset.liveAfter));
    return wanted;
  };
  const state = document.getElementById("live-state");
  let timer = 0, busy = false, again = false, wait = 500, lastSeen = 0;

  const say = (live) => {
    if (!state) return;
    state.hidden = false;
    state.dataset.state = live ? "on" : "off";
    const words = live ? "Live" : "Reconnecting";
    if (state.textContent !== words) state.textContent = words;
  };
  const isEdited = (part) => Boolean(part.querySelector(":popover-open")) || part.contains(document.activeElement) && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)
    || [...part.querySelectorAll("textarea, input[type=text]")].some((field) => field.value !== field.defaultValue) || [...part.querySelectorAll("input[type=file]")].some((field) => field.files.length);

  /* What may not move under a pointer or a finger: rows, and the buttons of forms. */
  const nameOf = (place) => place.id ? `#${CSS.escape(place.id)}` : place.hasAttribute("href") ? `[href="${CSS.escape(place.getAttribute("href"))}"]`
    : place.form ? `form[action="${CSS.escape(place.form.getAttribute("action") || "")}"] ${place.localName}` : place.localName === "h1" ? "h1" : "";
  const marks = (part) => [...part.querySelectorAll(".wk-row-link, form[method=post] button")].map(nameOf);
  const moves = (part, fresh) => { const before = marks(part); return before.length > 0 && String(before) !== String(marks(fresh)); };
  const hoverless = matchMedia("(hover: none)");
  const more = document.createElement("button");
  const collected = new Map();
  let over = null, settling = 0;
  more.type = "button";
  more.id = "live-more";
  more.className = "wk-live-more";
  more.hidden = true;
  const isHeld = (part) => part.id !== "wk-nav" && part.id !== "live-bell" && (hoverless.matches || part === over || part.contains(document.activeElement) || part.querySelector("[data-pick]:checked"));

  const put = (part, fresh) => {
    const focus = part.contains(document.activeElement) ? nameOf(document.activeElement) : "";
    const open = [...part.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);
    const atEnd = part.dataset.liveFollow !== undefined && innerHeight + scrollY > document.body.scrollHeight - 160;
    part.replaceChildren(...fresh.childNodes);
    for (const summary of part.querySelectorAll("details > summary")) if (open.includes(summary.textContent)) summary.parentElement.open = true;
    const again = focus ? part.querySelector(focus) : null;
    if (again?.localName === "h1") again.tabIndex = -1;
    again?.focus({ preventScroll: true });
    if (atEnd) scrollTo({ top: document.body.scrollHeight });
  };
  const tell = () => {
    let fresh = 0;
    for (const [part, update] of collected) {
      const here = new Set(marks(part));
      fresh += [...update.querySelectorAll(".wk-row-link")].filter((row) => !here.has(nameOf(row))).length;
    }
    more.textContent = collected.size === 0 ? "" : fresh ? `${fresh} new – show` : "This page has changed – show";
    more.hidden = collected.size === 0;
  };
  const apply = (wanted = () => true) => {
    const hadFocus = document.activeElement === more;
    for (const [part, update] of [...collected]) {
      if (!wanted(part)) continue;
      collected.delete(part);
      put(part, update);
      if (hadFocus) part.querySelector(".wk-row-link")?.focus();
    }
    tell();
  };
  more.addEventListener("click", () => apply());
  const place = document.createElement("div");
  place.setAttribute("role", "status");
  place.append(more);
  document.querySelector(".wk-page")?.append(place);
  /* Once nobody points at a part or works in it, it takes in what was collected. */
  const settle = () => {
    clearTimeout(settling);
    if (collected.size) settling = setTimeout(() => { if (!more.matches(":hover, :focus")) apply((part) => !isHeld(part) && !isEdited(part)); }, 1500);
  };
  document.addEventListener("pointerover", (event) => { over = event.pointerType === "touch" ? null : event.target.closest?.("[data-live][id]"); settle(); });
  document.documentElement.addEventListener("pointerleave", () => { over = null; settle(); });
  document.addEventListener("focusout", settle);
  document.addEventListener("visibilitychange", () => { if (document.hidden) apply(); });

  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    const asked = location.href;
    parts().forEach((part) => part.classList.add("is-loading"));
    try {
      const answer = await fetch(location.href, { headers: { "X-Walker-Fragment": "1" }, credentials: "same-origin" });
      if (answer.redirected || answer.status === 403) return location.reload();
      if (!answer.ok) return;
      const text = await answer.text();
      if (location.href !== asked) { again = true; return; } // another conversation was opened meanwhile: none of this is its
      const fresh = new DOMParser().parseFromString(text, "text/html");
      for (const part of parts()) {
        const update = fresh.getElementById(part.id);
        if (update?.dataset.liveAfter) part.dataset.liveAfter = update.dataset.liveAfter;
        collected.delete(part);
        if (!update || update.innerHTML === part.innerHTML || isEdited(part)) continue;
        if (isHeld(part) && moves(part, update)) collected.set(part, update); else put(part, update);
      }
      tell();
      document.dispatchEvent(new Event("walker:refreshed"));
    } catch { /* offline: the next frame or connection retries */ } finally {
      parts().forEach((part) => part.classList.remove("is-loading"));
      busy = false;
      if (again) { again = false; soon(); }
    }
  };
  /* A page that costs more to read says how often it wants to be read at most. */
  const pace = Number(document.querySelector("[data-live-pace]")?.dataset.livePace || 0);
  const soon = () => {
    if (pace) { timer ||= setTimeout(() => { timer = 0; refresh(); }, pace); return; }
    clearTimeout(timer);
    timer = setTimeout(refresh, Math.max(150, 600 - (Date.now() - lastSeen)));
    lastSeen = Date.now();
  };

  /* Who is here and who writes changes no part of the page: static/console/together.js shows it. */
  const PASSING = ["agent.presence", "agent.typing", "customer.typing"];
  let socket = null;
  document.addEventListener("walker:send", (event) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(event.detail)); });
  const hear = (frame) => {
    if (frame.type !== "event") return;
    if (PASSING.includes(frame.event)) document.dispatchEvent(new CustomEvent("walker:passing", { detail: frame })); else soon();
  };

  const connect = () => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/console/`);
    let opened = false;
    socket.onopen = () => {
      opened = true;
      topics().forEach((after, topic) => socket.send(JSON.stringify({ type: "subscribe", topic, after })));
      say(true);
      if (wait > 500) soon();
      wait = 500;
    };
    socket.onmessage = (message) => hear(JSON.parse(message.data));
    socket.onclose = (event) => {
      if (event.code === 4401 || event.code === 4403) { // who is signed out is led to the sign-in, and nothing stays on the screen
        if (state) state.hidden = true;
        return refresh();
      }
      if (opened || wait > 500) say(false);
      wait = event.code === 4429 ? 15000 : Math.min(wait * 2, 15000); // there are too many: it was open for a moment
      setTimeout(connect, wait * (0.7 + Math.random() * 0.6));
    };
  };

  /* Counted from the server's seconds: the clock of this machine may be wrong. */
  const ends = new WeakMap();
  const countdown = () => {
    for (const clock of document.querySelectorAll("time[data-countdown]")) {
      if (!ends.has(clock)) ends.set(clock, performance.now() + 1000 * Number(clock.dataset.countdown));
      const left = Math.round((ends.get(clock) - performance.now()) / 1000);
      if (left <= 0) { clearInterval(counting); return location.reload(); }
      const minutes = Math.floor(left / 60);
      clock.textContent = minutes < 60 ? `${minutes}:${String(left % 60).padStart(2, "0")}` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    }
  };

  document.addEventListener("submit", (event) => { const button = event.submitter; if (button && event.target.method === "post") setTimeout(() => { button.disabled = true; }); });
  addEventListener("pageshow", () => document.querySelectorAll("button[type=submit][disabled]").forEach((button) => { button.disabled = false; }));
  const counting = setInterval(countdown, 1000);
  countdown();
  if (document.querySelector("[data-live][id]")) {
    connect();
    setInterval(() => { if (!document.hidden) soon(); }, 60000); // in case a hint was lost
  }
})();
