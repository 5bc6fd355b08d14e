/* Canned replies: "/" at the beginning of a reply searches them by shortcut and title. Its files are attached with it, to untick. Without it the links below the box insert one. */
(() => {
  const MOST = 8;
  const list = () => document.querySelector("[data-canned]");
  const boxOf = (target) => target.closest?.("#live-reply textarea[name=text]");
  const placeOf = (box) => {
    let place = box.parentElement.querySelector(".wk-mentions");
    if (place) return place;
    place = document.createElement("div");
    place.className = "wk-mentions";
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", "Canned replies");
    box.after(place);
    const said = document.createElement("p");
    said.className = "wk-hidden";
    said.setAttribute("role", "status");
    place.after(said);
    return place;
  };
  /* The files of the reply that was chosen last; none where the channel carries no files. */
  const attach = (box, files) => {
    const form = box.form;
    form.querySelector("[name=canned_files]")?.closest(".wk-field")?.remove();
    if (!files.length || !form.querySelector("input[type=file]")) return;
    const field = document.createElement("div"), set = document.createElement("fieldset"), legend = document.createElement("legend");
    field.className = "wk-field";
    legend.textContent = "Files of the canned reply";
    set.append(legend, ...files.map((file) => {
      const label = document.createElement("label"), tick = document.createElement("input");
      Object.assign(tick, { type: "checkbox", name: "canned_files", value: file.id, checked: true, className: "wk-check" });
      label.append(tick, file.name);
      return label;
    }));
    field.append(set);
    form.querySelector(".wk-attached").before(field);
  };
  const insert = (box, row) => {
    const text = row.dataset.text;
    box.value = text;
    attach(box, JSON.parse(row.dataset.files || "[]"));
    placeOf(box).replaceChildren();
    box.focus();
    box.setSelectionRange(text.length, text.length);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const found = (box) => {
    const begun = /^\/(\S{0,40})$/u.exec(box.value);
    if (!begun || !list()) return [];
    const word = begun[1].toLocaleLowerCase();
    const rows = [...list().querySelectorAll("li")];
    const score = (row) => row.dataset.shortcut.startsWith(word) ? 0 : row.dataset.title.toLocaleLowerCase().includes(word) ? 1 : 2;
    return rows.filter((row) => score(row) < 2).sort((one, other) => score(one) - score(other)).slice(0, MOST);
  };
  const offer = (box) => {
    const rows = found(box), place = placeOf(box);
    place.replaceChildren(...rows.map((row) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "wk-button";
      button.textContent = `/${row.dataset.shortcut} ${row.dataset.title}`;
      button.title = row.dataset.text;
      button.addEventListener("click", () => insert(box, row));
      return button;
    }));
    place.nextElementSibling.textContent = rows.length ? `${rows.length} canned ${rows.length === 1 ? "reply" : "replies"} found. Press Enter for the first, Arrow down to choose.` : "";
  };

  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("[data-canned] li a")?.closest("li"), box = document.querySelector("#live-reply textarea[name=text]");
    if (!row || !box || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    insert(box, row);
  });
  document.addEventListener("input", (event) => { const box = boxOf(event.target); if (box) offer(box); });
  document.addEventListener("walker:completed", () => { const box = document.querySelector("#live-reply textarea[name=text]"); if (box?.value.startsWith("/")) offer(box); });
  document.addEventListener("keydown", (event) => {
    const box = boxOf(event.target);
    const place = box ? box.parentElement.querySelector(".wk-mentions") : event.target.closest?.("#live-reply .wk-mentions");
    if (!place?.children.length) {
      // "/" on the page goes to the reply, where nothing else is searched.
      const reply = document.querySelector("#live-reply textarea[name=text]");
      const isTyping = event.target.closest?.("textarea, select, input, [contenteditable], dialog");
      if (event.key === "/" && reply && list()?.querySelector("li, [data-later]") && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey && document.documentElement.dataset.keys !== "off") {
        event.preventDefault();
        reply.focus();
        if (!reply.value) { reply.value = "/"; offer(reply); }
      }
      return;
    }
    const text = place.previousElementSibling, at = [...place.children].indexOf(event.target);
    if (event.key === "Escape") { place.replaceChildren(); text.focus(); event.preventDefault(); return; }
    if (box && event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.isComposing) { event.preventDefault(); place.children[0].click(); return; }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || (box && step < 0)) return;
    event.preventDefault();
    (place.children[at + step] || (at + step < 0 ? text : place.children[at])).focus();
  }, true);
})();
