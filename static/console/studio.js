/* An agent's pages: what isn't saved yet, Ctrl S, menus that close, and answers that come while one reads. */
(() => {
  const form = document.querySelector("form[data-studio]");
  const shownBy = (name) => document.querySelectorAll(`[data-${name}]`);
  if (form) {
    const said = () => new URLSearchParams(new FormData(form)).toString();
    const before = said(), save = document.querySelector("[data-save]");
    let isSent = false;
    const isChanged = () => said() !== before;
    const tell = () => {
      const changed = isChanged();
      shownBy("unsaved").forEach((place) => { place.hidden = !changed; });
      shownBy("saved").forEach((place) => { place.hidden = changed; });
      shownBy("activate").forEach((button) => { button.disabled = changed; });
      save?.classList.toggle("wk-button-primary", changed);
    };
    /* What came back with a mistake in it was never saved. */
    const isRefused = Boolean(document.querySelector("main [aria-invalid=true], main [role=alert]"));
    form.addEventListener("input", tell);
    form.addEventListener("submit", () => { isSent = true; });
    addEventListener("pageshow", () => { isSent = false; tell(); });
    addEventListener("beforeunload", (event) => { if (!isSent && (isRefused || isChanged())) event.preventDefault(); });
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || !(event.key.toLowerCase() === "s" || (event.key === "Enter" && form.contains(event.target)))) return;
      event.preventDefault();
      form.requestSubmit(save);
    });
    for (const place of shownBy("count")) {
      const field = document.getElementById(place.dataset.count);
      const count = () => { place.textContent = `${[...field.value].length.toLocaleString("en")} of ${field.maxLength.toLocaleString("en")}`; };
      field.addEventListener("input", count);
      count();
    }
  }

  document.querySelector(".wk-tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  const menus = () => [...document.querySelectorAll(".wk-studio-bar .wk-menu[open]")];
  document.addEventListener("click", ({ target }) => menus().forEach((menu) => { if (!menu.contains(target)) menu.open = false; }));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  /* While an answer is made, the parts that show it are read again; what one writes meanwhile stays. */
  const put = (part, fresh) => {
    const open = [...part.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);
    fresh.querySelectorAll("details > summary").forEach((summary) => { if (open.includes(summary.textContent)) summary.parentElement.open = true; });
    if (part.innerHTML !== fresh.innerHTML) part.replaceChildren(...fresh.childNodes);
    if (fresh.dataset.poll === undefined) delete part.dataset.poll;
  };
  const read = async () => {
    const waiting = document.querySelector("[data-poll]");
    if (!waiting) return;
    try {
      const answer = await fetch(location.href, { headers: { "X-Walker-Fragment": "fresh" }, credentials: "same-origin" });
      if (answer.redirected || !answer.ok) { location.reload(); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of shownBy("fresh")) {
        const fresh = page.getElementById(part.id);
        if (fresh) put(part, fresh);
      }
    } catch { /* offline: the next time */ }
    if (waiting.dataset.poll !== undefined) { setTimeout(read, Number(waiting.dataset.poll)); return; }
    if (waiting.dataset.reload !== undefined) { location.reload(); return; }
    const says = document.getElementById("try-says"), verdicts = waiting.querySelectorAll(".wk-try-verdict");
    if (says) says.textContent = `Answered. ${verdicts[verdicts.length - 1]?.textContent.trim() || ""}`;
    document.querySelectorAll("#try-form button").forEach((button) => { button.disabled = false; });
    document.getElementById("try-form")?.classList.remove("is-answering");
  };
  const first = document.querySelector("[data-poll]");
  if (first) setTimeout(read, Number(first.dataset.poll));
})();
