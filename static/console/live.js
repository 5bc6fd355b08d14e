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
  const isEdited = (part) => part.contains(document.activeElement) && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)
    || [...part.querySelectorAll("textarea, input[type=text]")].some((field) => field.value !== field.defaultValue);

  const put = (part, fresh) => {
    const focus = part.contains(document.activeElement) ? document.activeElement.id || document.activeElement.getAttribute("href") : "";
    const open = [...part.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);
    const atEnd = part.dataset.liveFollow !== undefined && innerHeight + scrollY > document.body.scrollHeight - 160;
    part.replaceChildren(...fresh.childNodes);
    for (const summary of part.querySelectorAll("details > summary")) if (open.includes(summary.textContent)) summary.parentElement.open = true;
    if (focus) (document.getElementById(focus) || part.querySelector(`[href="${CSS.escape(focus)}"]`))?.focus({ preventScroll: true });
    if (atEnd) scrollTo({ top: document.body.scrollHeight });
  };

  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    parts().forEach((part) => part.classList.add("is-loading"));
    try {
      const answer = await fetch(location.href, { headers: { "X-Walker-Fragment": "1" }, credentials: "same-origin" });
      if (answer.redirected || answer.status === 403) return location.reload();
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts()) {
        const update = fresh.getElementById(part.id);
        if (update?.dataset.liveAfter) part.dataset.liveAfter = update.dataset.liveAfter;
        if (update && update.innerHTML !== part.innerHTML && !isEdited(part)) put(part, update);
      }
      document.dispatchEvent(new Event("walker:refreshed"));
    } catch { /* offline: the next frame or connection retries */ } finally {
      parts().forEach((part) => part.classList.remove("is-loading"));
      busy = false;
      if (again) { again = false; soon(); }
    }
  };
  const soon = () => { clearTimeout(timer); timer = setTimeout(refresh, Math.max(150, 600 - (Date.now() - lastSeen))); lastSeen = Date.now(); };

  const connect = () => {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/console/`);
    let opened = false;
    socket.onopen = () => {
      opened = true;
      topics().forEach((after, topic) => socket.send(JSON.stringify({ type: "subscribe", topic, after })));
      say(true);
      if (wait > 500) soon();
      wait = 500;
    };
    socket.onmessage = (message) => { if (JSON.parse(message.data).type === "event") soon(); };
    socket.onclose = (event) => {
      if (event.code === 4401 || event.code === 4403) { if (state) state.hidden = true; return; }
      if (opened || wait > 500) say(false);
      wait = Math.min(wait * 2, 15000);
      setTimeout(connect, wait * (0.7 + Math.random() * 0.6));
    };
  };

  const countdown = () => {
    for (const clock of document.querySelectorAll("time[data-countdown]")) {
      const left = Math.round((new Date(clock.dateTime) - Date.now()) / 1000);
      if (left <= 0) return location.reload();
      clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    }
  };

  const keys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const key = event.key.toLowerCase();
    const rows = [...document.querySelectorAll(".wk-row-link")];
    if (rows.length && (key === "j" || key === "k")) {
      const at = rows.indexOf(document.activeElement);
      const next = at < 0 ? 0 : at + (key === "j" ? 1 : -1);
      rows[Math.max(0, Math.min(rows.length - 1, next))].focus();
      return;
    }
    const button = document.querySelector(`[aria-keyshortcuts="${CSS.escape(key)}"]`);
    if (!button) return;
    event.preventDefault();
    button.closest("details")?.setAttribute("open", "");
    (button.form.querySelector("textarea, input:not([type=hidden])") || button).focus();
  };

  document.addEventListener("keydown", keys);
  document.addEventListener("submit", (event) => { const button = event.submitter; if (button && event.target.method === "post") setTimeout(() => { button.disabled = true; }); });
  addEventListener("pageshow", () => document.querySelectorAll("button[type=submit][disabled]").forEach((button) => { button.disabled = false; }));
  if (document.querySelector("time[data-countdown]")) { countdown(); setInterval(countdown, 1000); }
  if (document.querySelector("[data-live][id]")) {
    connect();
    setInterval(() => { if (!document.hidden) soon(); }, 60000); // in case a hint was lost
  }
})();
