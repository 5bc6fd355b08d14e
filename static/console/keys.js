/* Single keys for lists and pages: what they do stands in the page (aria-keyshortcuts), and the help card lists it. */
(() => {
  const OFF = "walker-keys-off";
  const WANTED = "walker-wanted-action";
  const TOLD = "walker-told";
  const card = document.getElementById("keys-card");
  const announcer = document.getElementById("announcer");
  const isOn = () => localStorage.getItem(OFF) === null;
  const isTyping = (target) => Boolean(target.closest?.("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=button], [type=submit])"));
  const rows = () => [...document.querySelectorAll(".wk-row-link")];
  const rowActions = () => [...document.querySelectorAll("#row-keys > li")];
  const cursor = `walker-row:${location.pathname}`;
  let back = null; // where the focus was before a key took it to a field

  const rowOf = (element) => element?.closest?.("tr, li")?.querySelector(".wk-row-link") || null;
  const places = (key) => [...document.querySelectorAll(`[aria-keyshortcuts~="${CSS.escape(key)}"]`)].filter((place) => !place.disabled);
  const find = (key) => {
    const row = rowOf(document.activeElement);
    const found = places(key);
    return found.find((place) => row && rowOf(place) === row) || found.find((place) => !rowOf(place)) || null;
  };
  const heading = () => {
    const title = document.querySelector("main h1");
    if (title) title.tabIndex = -1;
    return title;
  };
  const takeTo = (place) => {
    back = document.activeElement === document.body ? heading() : document.activeElement;
    place.closest("details")?.setAttribute("open", "");
    // A heading that unfolds leads to the first button under it.
    const unfolded = place.localName === "summary" ? place.parentElement.querySelector("button") : null;
    const field = unfolded || place.form?.querySelector("textarea, select, input:not([type=hidden])");
    (field || place).focus();
  };
  const use = (place) => {
    if (place.matches("a[href], input, button[type=button]")) { place.click(); return; }
    takeTo(place);
  };
  const walk = (step) => {
    const all = rows();
    if (!all.length) return false;
    let at = all.indexOf(rowOf(document.activeElement));
    if (at < 0) {
      // On from the open row; one that opened by itself after an answer is where the next step leads.
      const open = all.findIndex((row) => row.getAttribute("aria-current") === "true");
      const last = open < 0 ? all.findIndex((row) => row.getAttribute("href") === sessionStorage.getItem(cursor)) : open;
      const stays = open < 0 || document.querySelector("[data-arrived]");
      at = last < 0 ? -1 : last - (stays ? step : 0);
      if (last < 0 && step < 0) at = 1;
    }
    all[Math.max(0, Math.min(all.length - 1, at + step))].focus();
    return true;
  };
  /* A letter on a row opens its page at the form of that letter. */
  const useRow = (key) => {
    const action = rowActions().find((entry) => entry.dataset.key === key);
    const row = rowOf(document.activeElement);
    if (!action || !(row?.href || action.dataset.url)) return false;
    // Not a fragment: the browser would take the focus to it, and off the field.
    if (!action.dataset.url) sessionStorage.setItem(WANTED, JSON.stringify([row.getAttribute("href"), action.dataset.action]));
    location.href = action.dataset.url || row.href;
    return true;
  };
  const search = () => {
    const box = document.querySelector("[data-search], main input[type=search]");
    if (!box) return false;
    box.closest("details")?.setAttribute("open", "");
    back = document.activeElement;
    box.focus();
    box.select();
    return true;
  };

  /* The help card. */
  const entries = () => {
    const found = [];
    if (rows().length) found.push([["J", "K"], "Move down and up the list"], [["Enter"], "Open"]);
    if (document.querySelector("input[data-pick]")) found.push([["X"], "Select, to act on several at once"]);
    for (const entry of rowActions()) found.push([[entry.dataset.key.toUpperCase()], entry.textContent.trim()]);
    const seen = new Set(rowActions().map((entry) => entry.dataset.key));
    for (const place of document.querySelectorAll("[aria-keyshortcuts]")) {
      const keys = place.getAttribute("aria-keyshortcuts").split(" ").filter((key) => key.length === 1 || key.startsWith("Shift+"));
      if (!keys.length || seen.has(keys[0])) continue;
      seen.add(keys[0]);
      found.push([keys.map((key) => key.length === 1 ? key.toUpperCase() : key), place.dataset.keyLabel || place.textContent.trim() || place.getAttribute("aria-label")]);
    }
    if (document.querySelector("main form[method=post] textarea")) found.push([["Ctrl", "Enter"], "Send the form you are writing in"]);
    if (document.querySelector("[data-search], main input[type=search]")) found.push([["/"], "Search"]);
    if (document.querySelector("[data-palette]")) found.push([["Ctrl", "K"], "Go to a page, request, conversation or person"]);
    return [...found, [["?"], "Show this card"], [["Esc"], "Leave a field or close"]];
  };
  const fill = () => {
    const list = card.querySelector("dl");
    list.replaceChildren(...entries().map(([keys, words]) => {
      const line = document.createElement("div");
      const term = document.createElement("dt");
      keys.forEach((key) => { const cap = document.createElement("kbd"); cap.textContent = key; term.append(cap, " "); });
      const says = document.createElement("dd");
      says.textContent = words;
      line.append(term, says);
      return line;
    }));
  };
  /* What opens after a decision or an answer is kept with the person: asked for, and changed by `wanted`. */
  const movesOn = async (wanted = null) => {
    const boxes = [...card.querySelectorAll("[data-moves-on]")], place = card.querySelector("[data-moves-on-place]");
    const body = wanted && new URLSearchParams({ ...wanted, csrfmiddlewaretoken: card.querySelector("[name=csrfmiddlewaretoken]").value });
    let kept = null;
    try {
      const answer = await fetch(place.dataset.movesOnPlace, { method: wanted ? "POST" : "GET", body, credentials: "same-origin", keepalive: true });
      kept = answer.ok ? await answer.json() : null;
    } catch { kept = null; }
    for (const box of boxes) { box.disabled = !kept && !wanted; box.checked = kept ? kept[box.dataset.movesOn] : wanted?.after === box.dataset.movesOn ? !box.checked : box.checked; }
    place.textContent = kept ? "Kept for you, wherever you sign in." : "The connection was lost. Try again.";
  };
  const show = () => {
    if (!card || card.open) return;
    fill();
    card.querySelector("[data-keys-on]").checked = isOn();
    card.showModal();
    movesOn();
  };
  const mark = () => { document.documentElement.dataset.keys = isOn() ? "on" : "off"; };
  mark();
  for (const button of document.querySelectorAll("[data-keys-help]")) {
    button.hidden = false;
    button.addEventListener("click", show);
  }
  card?.addEventListener("click", (event) => { if (event.target === card) card.close(); });
  card?.querySelector("[data-keys-on]").addEventListener("change", (event) => {
    if (event.target.checked) localStorage.removeItem(OFF); else localStorage.setItem(OFF, "1");
    mark();
  });
  card?.addEventListener("change", ({ target }) => { if (target.dataset.movesOn) movesOn({ after: target.dataset.movesOn, on: target.checked ? "yes" : "no" }); });

  const send = (event) => {
    const form = event.target.form;
    if (form?.method !== "post") return;
    const buttons = [...form.querySelectorAll("button[type=submit]")];
    const own = buttons.find((button) => button.hasAttribute("aria-keyshortcuts")) || (buttons.length === 1 ? buttons[0] : null);
    if (!own || own.disabled) return;
    event.preventDefault();
    form.requestSubmit(own);
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const typing = isTyping(event.target);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { send(event); return; }
    // With AltGr, or Option, many keyboards write [ and ]; Windows says Ctrl and Alt then.
    const isWritten = "[]".includes(event.key) && (event.altKey || event.getModifierState("AltGraph"));
    if ((event.ctrlKey || event.metaKey || event.altKey) && !isWritten) return;
    if (event.key === "Escape" && typing) {
      if (event.target.type === "search" && event.target.value) return; // the browser empties it first
      event.target.blur();
      if (back?.isConnected) back.focus();
      return;
    }
    if (typing || !isOn()) return;
    if (event.key === "?") { event.preventDefault(); show(); return; }
    if (event.key.length !== 1) return;
    // Other marks are written with Shift on one keyboard, and without it on another.
    const letter = event.key.toLowerCase();
    const key = event.shiftKey && letter !== event.key.toUpperCase() ? `Shift+${event.key.toUpperCase()}` : letter;
    if (key === "/") { if (search()) event.preventDefault(); return; }
    if (key === "j" || key === "k") { if (walk(key === "j" ? 1 : -1)) event.preventDefault(); return; }
    if (event.repeat) return;
    const place = find(key);
    if (place) { event.preventDefault(); use(place); } else if (useRow(key)) event.preventDefault();
  });
  document.addEventListener("focusin", (event) => {
    const row = rowOf(event.target);
    if (row) document.querySelector("[data-arrived]")?.removeAttribute("data-arrived");
    if (row?.getAttribute("href")) sessionStorage.setItem(cursor, row.getAttribute("href"));
  });

  /* A page that opened after a decision: say what was decided, and start at its heading. */
  const decided = document.querySelector(".wk-flash [data-decided], .wk-undo [data-decided]");
  const told = decided?.closest(".wk-flash, .wk-undo").dataset.undoUntil || ""; // an offer to undo is on several pages
  if (decided && !(told && sessionStorage.getItem(TOLD) === told)) {
    sessionStorage.setItem(TOLD, told);
    heading()?.focus({ preventScroll: true });
    // A second tap of the same finger must not decide the request that has just opened.
    const opened = performance.now();
    document.addEventListener("click", (event) => { if (event.detail && performance.now() - opened < 350 && event.target.closest("form[method=post] button")) event.preventDefault(); }, true);
    const words = decided.closest("p").textContent.trim();
    // A live region speaks only of what changes in it.
    setTimeout(() => { announcer.textContent = words; }, 300);
    setTimeout(() => { announcer.textContent = ""; }, 8000);
  }
  const [at, action] = JSON.parse(sessionStorage.getItem(WANTED) || "[]");
  sessionStorage.removeItem(WANTED);
  const wanted = at === location.pathname ? document.getElementById(`action-${action}`) : null;
  const button = wanted?.closest("section, form, details")?.querySelector("form button[type=submit]");
  if (button) takeTo(button);
})();
