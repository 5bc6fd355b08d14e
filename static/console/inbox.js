/* The inbox without whole page loads: conversations and views open in place, forms are sent without losing what is written. */
(() => {
  const home = document.querySelector(".wk-inbox");
  if (!home) return;
  const PLACES = ["live-views", "inbox-tools", "live-inbox", "talk-place", "wk-nav"];
  const FOLDS = "walker-folded", LOST = "The connection was lost, so nothing was sent. Your text and files are still here: try again.";
  const announcer = document.getElementById("announcer");
  const talk = () => document.querySelector(".wk-talk");
  const idOf = (place) => place?.dataset.talk || "";
  const composer = () => document.getElementById("live-reply");
  const isWritten = (place) => Boolean(place) && ([...place.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue) || [...place.querySelectorAll("input[type=file]")].some((field) => field.files.length));
  const kept = new Map(); // composers with files that were left before they were sent, by conversation
  const keys = []; // pressed while the next conversation is on its way: they are meant for it
  let busy = null, here = location.pathname + location.search;

  /* Parts of the page. */
  const fold = () => {
    const folded = JSON.parse(localStorage.getItem(FOLDS) || "[]");
    for (const part of document.querySelectorAll("details[data-fold]")) part.open = !folded.includes(part.dataset.fold);
  };
  document.addEventListener("click", ({ target }) => {
    const part = target.closest?.("details[data-fold] > summary")?.parentElement;
    if (part) setTimeout(() => {
      const folded = new Set(JSON.parse(localStorage.getItem(FOLDS) || "[]"));
      folded[part.open ? "delete" : "add"](part.dataset.fold);
      localStorage.setItem(FOLDS, JSON.stringify([...folded]));
    });
  });
  const settle = () => {
    fold();
    for (const button of document.querySelectorAll(".wk-composer-send kbd")) button.textContent = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘ ↵" : "Ctrl ↵";
    home.querySelector(".wk-inbox-rows .is-chosen")?.scrollIntoView({ block: "nearest" });
    home.querySelector(".wk-inbox-rail [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const topicOf = (page) => page.querySelector("[data-live-topic^='conversation:']")?.dataset;
  const listen = (type, data) => { if (data) document.dispatchEvent(new CustomEvent("walker:send", { detail: { type, topic: data.liveTopic, ...(type === "subscribe" ? { after: Number(data.liveAfter) } : {}) } })); };
  const tell = (words) => { if (announcer) { announcer.textContent = ""; setTimeout(() => { announcer.textContent = words; }, 60); } };
  const say = (words, form) => {
    const place = form?.id === "reply-form" ? form.querySelector(".wk-composer-said") : null;
    if (place) { place.textContent = words; form.querySelector("textarea")?.focus(); return; }
    const toast = document.getElementById("toast").content.firstElementChild.cloneNode(true);
    toast.classList.add("wk-flash");
    toast.dataset.level = "error";
    toast.querySelector("p").textContent = words;
    toast.querySelector("form").remove();
    const close = toast.querySelector("button");
    close.addEventListener("click", () => toast.remove());
    document.getElementById("toasts").append(toast);
    tell(words);
  };
  const toasts = (page) => {
    const place = document.getElementById("toasts"), fresh = page.getElementById("toasts");
    if (!fresh) return;
    place.querySelectorAll(".wk-flash, .wk-undos").forEach((old) => old.remove());
    place.append(...fresh.children);
    document.dispatchEvent(new Event("walker:told"));
  };

  /* Marks a row as the one that is open. People who can answer have read it then. */
  const choose = (id) => {
    document.getElementById("live-inbox")?.removeAttribute("data-arrived"); // a conversation alone has no list
    for (const row of document.querySelectorAll("#live-inbox .wk-row-link")) {
      const isOpen = new URL(row.href).searchParams.get("conversation") === id;
      row.closest("li").classList.toggle("is-chosen", isOpen);
      if (isOpen) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
      if (isOpen && composer()) row.querySelector(".wk-inbox-unread")?.remove();
    }
  };

  /* Puts a page's parts into this one. What is being written in the same conversation stays as it is. */
  const put = (page, { sent = null } = {}) => {
    const before = talk(), after = page.querySelector(".wk-talk"), old = composer(), same = idOf(before) === idOf(after);
    const left = topicOf(document), list = document.querySelector(".wk-inbox-scroll"), top = list?.scrollTop || 0;
    const view = document.getElementById("h-inbox")?.textContent;
    const fresh = page.getElementById("live-reply");
    if (same && sent !== "reply" && isWritten(old) && fresh) fresh.replaceWith(document.adoptNode(old));
    else if (!same && old && idOf(before) && [...old.querySelectorAll("input[type=file]")].some((field) => field.files.length)) kept.set(idOf(before), old);
    if (sent === "reply") kept.delete(idOf(before));
    if (!same && kept.has(idOf(after)) && fresh) { fresh.replaceWith(document.adoptNode(kept.get(idOf(after)))); kept.delete(idOf(after)); }
    for (const id of PLACES) {
      const place = document.getElementById(id), update = page.getElementById(id);
      if (!place || !update) continue;
      place.replaceChildren(...update.childNodes);
      if (id === "live-inbox") { place.dataset.liveAfter = update.dataset.liveAfter; place.toggleAttribute("data-arrived", update.hasAttribute("data-arrived")); }
    }
    if (!page.getElementById("live-inbox")) choose(idOf(after));
    home.classList.toggle("wk-inbox-open", Boolean(after));
    if (list) list.scrollTop = view === document.getElementById("h-inbox")?.textContent ? top : 0;
    const now = topicOf(document);
    if (left?.liveTopic !== now?.liveTopic) { listen("unsubscribe", left); listen("subscribe", now); }
    document.title = `${page.querySelector("title")?.textContent || "Inbox"} · Walker`;
    settle();
    toasts(page);
    document.dispatchEvent(new CustomEvent("walker:refreshed", { detail: { sent } }));
    document.dispatchEvent(new Event("walker:opened"));
  };
  const start = () => {
    const place = talk() ? document.querySelector(".wk-thread") : document.getElementById("h-inbox");
    place?.focus({ preventScroll: true });
  };
  const go = (url, push) => {
    const found = new URL(url, location.href);
    for (const name of ["arrived", "next"]) found.searchParams.delete(name);
    here = found.pathname + found.search;
    if (push && found.href !== location.href) history.pushState(null, "", found); else history.replaceState(null, "", found);
  };

  /* Adds the id of the next row, so that the server needn't read the list. */
  const withNext = (url) => {
    const found = new URL(url, location.href), ids = [...document.querySelectorAll("#live-inbox .wk-row-link")].map((row) => new URL(row.href).searchParams.get("conversation"));
    found.searchParams.set("next", ids[ids.indexOf(found.searchParams.get("conversation")) + 1] || "");
    return found;
  };

  /* Reads what a row left out: the side, and what is in the menus of the reply. If it can't, links lead there. */
  const readRest = async () => {
    if (!document.querySelector("[data-later]")) return;
    const id = idOf(talk()), url = new URL(here, location.href), seen = document.querySelector("#reply-form [name=after]");
    if (seen) url.searchParams.set("after", seen.value);
    const answer = await fetch(url, { headers: { "X-Walker-Fragment": "rest" }, credentials: "same-origin" }).catch(() => null);
    const text = answer?.ok && !answer.redirected ? await answer.text().catch(() => "") : "";
    if (!text || idOf(talk()) !== id) return;
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const place of document.querySelectorAll("[data-later]")) place.replaceWith(...page.querySelector(`[data-part="${place.dataset.later}"]`).childNodes);
    fold();
    document.dispatchEvent(new Event("walker:completed"));
  };

  /* Asks for a page. `form` is the form that asks, if it is one; `part` is "row" for another row of this list. */
  const ask = async (url, { form = null, submitter = null, push = true, focus = true, part = "open" } = {}) => {
    if (busy) { if (submitter) setTimeout(() => { submitter.disabled = false; }, 50); return; }
    const method = form?.method === "post" ? "POST" : "GET";
    const body = method === "POST" ? new FormData(form, submitter) : null;
    if (method === "GET") document.dispatchEvent(new Event("walker:leave"));
    const turn = (busy = {});
    home.classList.add("is-opening");
    let answer = null, text = "";
    try {
      answer = await fetch(part === "row" ? withNext(url) : url, { method, body, headers: { "X-Walker-Fragment": part }, credentials: "same-origin" });
      text = await answer.text();
    } catch { answer = null; }
    if (busy !== turn) return;
    busy = null;
    home.classList.remove("is-opening");
    if (submitter) submitter.disabled = false;
    if (!answer) { keys.length = 0; say(method === "POST" ? LOST : "The connection was lost. Try again.", form); return; }
    const page = new DOMParser().parseFromString(text, "text/html");
    if (answer.ok && page.getElementById("talk-place")) {
      put(page, { sent: form?.id === "reply-form" ? "reply" : form ? "form" : null });
      go(answer.url, push);
      if (focus) start();
      readRest();
    } else if (answer.ok && (answer.redirected || method === "GET")) { location.href = answer.url; return; } else refuse(answer, page, form);
    if (keys.length && !answer.ok) keys.length = 0;
    while (keys.length && !busy) press(keys.shift());
  };
  const refuse = (answer, page, form) => {
    const words = [...page.querySelectorAll("main .wk-message, main .wk-error, .wk-problem h1, .wk-problem p, .wk-message[role=alert], .wk-error, .wk-blocked")].map((place) => place.textContent.trim().replace(/\s+/g, " "));
    const fallback = answer.status === 413 ? "The files are too large to be sent. Remove one and try again." : "This couldn’t be sent. Nothing is lost: try again.";
    say([...new Set(words.filter(Boolean))].join(" ") || fallback, form);
    const seen = page.querySelector("form input[name=after]"), button = document.getElementById("send");
    if (form?.id !== "reply-form" || answer.status !== 409 || !seen) return;
    form.elements.after.value = seen.value; // the next press sends it although there is an answer
    button.childNodes.forEach((part) => { if (part.nodeType === Node.TEXT_NODE && part.textContent.trim()) part.textContent = "Send anyway "; });
  };

  /* A key that was pressed too early is pressed again. */
  const press = ({ key, ctrlKey, metaKey, shiftKey, altKey, modifierAltGraph }) => {
    const place = document.activeElement || document.body, isText = place.matches("textarea, input:not([type=radio], [type=checkbox])");
    const event = new KeyboardEvent("keydown", { key, ctrlKey, metaKey, shiftKey, altKey, modifierAltGraph, bubbles: true, cancelable: true });
    if (!place.dispatchEvent(event) || ((ctrlKey || metaKey || altKey) && !modifierAltGraph)) return;
    if (isText && (key.length === 1 || key === "Enter")) {
      place.setRangeText(key === "Enter" ? "\n" : key, place.selectionStart, place.selectionEnd, "end");
      place.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (key === "Enter" && place.matches("a, button, summary")) place.click();
    else if (key === "Enter" && place.form) place.form.requestSubmit();
    else if (key === " " && place.matches("[type=radio], [type=checkbox], button, summary")) place.click();
  };
  /* The letters of a conversation, on a row that isn't open: it opens, and they are pressed there, so nobody else is answered. */
  const rowFor = ({ key, ctrlKey, metaKey, altKey }) => {
    const isLetter = /^[aemnrst]$/i.test(key) && !ctrlKey && !metaKey && !altKey && document.documentElement.dataset.keys !== "off";
    return isLetter ? document.activeElement?.closest(".wk-inbox-rows .wk-row-link:not([aria-current])") : null;
  };
  addEventListener("keydown", (event) => {
    const row = !busy && event.isTrusted ? rowFor(event) : null;
    if (row) ask(row.href, { part: "row" });
    if (!busy || !event.isTrusted || ["Shift", "Control", "Alt", "AltGraph", "Meta", "Tab", "F5"].includes(event.key) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { key, ctrlKey, metaKey, shiftKey, altKey } = event;
    keys.push({ key, ctrlKey, metaKey, shiftKey, altKey, modifierAltGraph: event.getModifierState("AltGraph") });
  }, true);

  /* Links and forms of the inbox. Everything else, and each of them without this script, loads a page. */
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".wk-inbox a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const url = new URL(link.href, location.href);
    if (url.origin !== location.origin || url.pathname !== location.pathname || link.hasAttribute("download") || (url.hash && url.search === location.search)) return;
    if (!url.pathname.endsWith("/inbox/")) return;
    event.preventDefault();
    ask(url.href, { part: link.matches("#live-inbox .wk-row-link") ? "row" : "open" });
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.closest(".wk-talk, .wk-undos, .wk-inbox-tools")) return;
    const url = event.submitter?.getAttribute("formaction") || form.getAttribute("action") || location.href;
    event.preventDefault();
    if (form.method === "get") { ask(`${url}?${new URLSearchParams([...new FormData(form)].filter(([, value]) => value))}`); return; }
    form.querySelector(".wk-composer-said")?.replaceChildren();
    ask(url, { form, submitter: event.submitter, push: true });
  });
  addEventListener("popstate", () => { if (location.pathname + location.search !== here) { here = location.pathname + location.search; ask(location.href, { push: false }); } });

  /* A form that came without its fields reads them when it is opened. If it can't, its link leads to them. */
  document.addEventListener("toggle", async ({ target }) => {
    const place = target.open && target.querySelector(":scope > [data-form], :scope > .wk-menu-panel > [data-form]");
    if (!place) return;
    const answer = await fetch(place.firstElementChild.href, { headers: { "X-Walker-Fragment": "form" }, credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    place.replaceWith(...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes);
  }, true);

  /* Menus close as menus do. */
  const menus = () => [...document.querySelectorAll(".wk-inbox .wk-menu[open]")];
  document.addEventListener("pointerdown", ({ target }) => menus().forEach((menu) => { if (!menu.contains(target)) menu.open = false; }));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) { menu.open = false; if (menu.contains(document.activeElement) || document.activeElement === document.body) menu.querySelector("summary").focus(); }
  });
  document.addEventListener("click", ({ target }) => { if (target.closest?.("[data-canned] .wk-menu-panel a")) menus().forEach((menu) => { menu.open = false; }); }, true);

  /* The focus is always somewhere: a key never meets nothing. */
  const rest = () => { if ((document.activeElement || document.body) === document.body && !document.querySelector("dialog[open], :popover-open")) start(); };
  document.addEventListener("focusout", () => setTimeout(rest));
  document.addEventListener("walker:refreshed", () => setTimeout(rest));
  if (!CSS.supports("field-sizing", "content")) document.addEventListener("input", ({ target }) => { if (target.matches?.(".wk-composer textarea")) { target.style.height = "auto"; target.style.height = `${target.scrollHeight + 2}px`; } });
  document.addEventListener("walker:refreshed", fold);
  go(location.href, false);
  settle();
  if (!location.hash) setTimeout(rest);
})();
