/* The palette (Ctrl or Cmd with K, or the button at the top): a combobox over what the server finds for a few words. */
(() => {
  const box = document.getElementById("palette");
  if (!box) return;
  const input = box.querySelector("input[role=combobox]");
  const list = box.querySelector("[role=listbox]");
  const says = box.querySelector("[role=status]");
  const form = box.querySelector("form");
  const KEY = `walker-recent:${box.dataset.who}`;
  const MOST = 6;
  let timer = 0, latest = 0, at = -1;

  const recent = () => { try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch { return []; } };
  /* Titles of pages hold no personal data: references, names of pages. They are gone with the sign-out. */
  const keep = () => {
    const label = document.title.replace(/ · Walker$/, "");
    const isPage = document.querySelector(".wk-crumbs li:not(.wk-trail) a") && !document.querySelector(".wk-problem");
    if (!isPage || /\/accounts\//.test(location.pathname)) return;
    const entry = { label, note: document.querySelector(".wk-crumbs li:not(.wk-trail) a").textContent.trim(), url: location.pathname };
    localStorage.setItem(KEY, JSON.stringify([entry, ...recent().filter((other) => other.url !== entry.url)].slice(0, MOST)));
  };
  document.addEventListener("submit", (event) => {
    if (!/\/logout\/$/.test(event.target.getAttribute("action") || "")) return;
    Object.keys(localStorage).filter((key) => key.startsWith("walker-recent:")).forEach((key) => localStorage.removeItem(key));
  });

  /* What the console does at once; its words are in the page. */
  const commands = (words) => {
    const wanted = words.toLowerCase().split(/\s+/);
    const known = [...box.querySelectorAll("[data-does]")].map((entry) => ({ label: entry.textContent, note: "", does: entry.dataset.does }));
    return { title: box.querySelector("[data-palette-commands]").dataset.title, entries: known.filter((entry) => wanted.every((word) => entry.label.toLowerCase().includes(word))) };
  };
  const carryOut = {
    theme: () => { box.close(); document.querySelector("[data-theme-switch]").click(); },
    "sign-out": () => document.querySelector('form[action$="/logout/"]').requestSubmit(),
  };

  const options = () => [...list.querySelectorAll("[role=option]")];
  const choose = (next) => {
    const all = options();
    at = all.length ? (next + all.length) % all.length : -1;
    all.forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    if (at < 0) { input.removeAttribute("aria-activedescendant"); return; }
    input.setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  };
  const draw = (groups) => {
    let number = 0;
    list.replaceChildren(...groups.filter((group) => group.entries.length).map((group, place) => {
      const part = document.createElement("div");
      part.setAttribute("role", "group");
      part.setAttribute("aria-labelledby", `palette-group-${place}`);
      const title = document.createElement("p");
      title.id = `palette-group-${place}`;
      title.className = "wk-palette-title";
      title.setAttribute("role", "presentation");
      title.textContent = group.title;
      part.append(title, ...group.entries.map((entry) => {
        const option = document.createElement("div");
        option.id = `palette-option-${number++}`;
        option.className = "wk-palette-option";
        option.setAttribute("role", "option");
        if (entry.does) option.dataset.carriesOut = entry.does; else option.dataset.url = entry.url;
        const label = document.createElement("b");
        label.textContent = entry.label;
        const note = document.createElement("span");
        note.textContent = entry.note;
        option.append(label, " ", note);
        return option;
      }));
      return part;
    }));
    input.setAttribute("aria-expanded", String(number > 0));
    says.textContent = number ? `${number} found. Use the arrow keys, then Enter.` : "Nothing found. Try a reference, or the beginning of a name.";
    choose(number ? 0 : -1);
  };
  const search = async () => {
    const turn = ++latest, words = input.value.trim();
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
    if (turn !== latest || !box.open) return;
    if (!answer || !answer.ok || answer.redirected) { says.textContent = "This can't be searched right now. Please try again."; return; }
    const { groups } = await answer.json();
    const own = commands(words), isNamed = own.entries.some((entry) => entry.label.toLowerCase() === words.toLowerCase());
    // "Sign out" and Enter do what is written, not what begins alike.
    draw(words ? (isNamed ? [own, ...groups] : [...groups, own]) : [{ title: "Recent", entries: recent().filter((entry) => entry.url !== location.pathname) }, ...groups]);
  };
  const open = () => {
    if (box.open || document.querySelector("dialog[open]")) return;
    input.value = "";
    list.replaceChildren();
    says.textContent = "";
    box.showModal();
    search();
  };
  const go = (option) => {
    if (option?.dataset.carriesOut) carryOut[option.dataset.carriesOut]();
    else if (option) location.href = option.dataset.url;
  };

  for (const button of document.querySelectorAll("[data-palette]")) {
    button.setAttribute("aria-haspopup", "dialog");
    button.addEventListener("click", (event) => { event.preventDefault(); open(); });
  }
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    if (box.open) box.close(); else open();
  });
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); else go(event.target.closest("[role=option]")); });
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 120); });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); choose(at + step); }
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); event.stopPropagation(); go(options()[at]); });
  keep();
})();
