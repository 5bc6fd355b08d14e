/* Suggests colleagues while a note is written: "@an" offers everybody whose name begins so. Without it the list below does. */
(() => {
  const MOST = 6;
  const fieldOf = (event) => event.target.closest?.("textarea[data-mentions]");
  const listOf = (field) => {
    let list = field.parentElement.querySelector(".wk-mentions");
    if (list) return list;
    list = document.createElement("div");
    list.className = "wk-mentions";
    list.setAttribute("role", "group");
    list.setAttribute("aria-label", "Mention a colleague");
    field.after(list);
    const said = document.createElement("p");
    said.className = "wk-hidden";
    said.setAttribute("role", "status");
    list.after(said);
    return list;
  };
  const started = (field) => /(?:^|\s)@([^@\n]{0,40})$/u.exec(field.value.slice(0, field.selectionStart));
  const names = (field) => [...field.form.elements[field.dataset.mentions].options].filter((each) => each.value).map((each) => each.text);

  const offer = (field) => {
    const list = listOf(field), begun = started(field);
    const word = begun ? begun[1].toLocaleLowerCase() : "";
    const found = begun ? names(field).filter((name) => name.toLocaleLowerCase().split(" ").some((_, at, parts) => parts.slice(at).join(" ").startsWith(word)) && name.toLocaleLowerCase() !== word) : [];
    list.replaceChildren(...found.slice(0, MOST).map((name) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "wk-button";
      button.textContent = name;
      button.addEventListener("click", () => take(field, name));
      return button;
    }));
    list.nextElementSibling.textContent = found.length ? `${found.length} colleague${found.length === 1 ? "" : "s"} found. Press Arrow down to choose.` : "";
  };
  const take = (field, name) => {
    const begun = started(field);
    const from = field.selectionStart - (begun ? begun[1].length : 0);
    field.setRangeText(`${name} `, from, field.selectionStart, "end");
    listOf(field).replaceChildren();
    field.focus();
  };

  document.addEventListener("input", (event) => { const field = fieldOf(event); if (field) offer(field); });
  document.addEventListener("keydown", (event) => {
    const field = fieldOf(event);
    const list = field ? listOf(field) : event.target.closest?.(".wk-mentions");
    if (!list?.children.length) return;
    const at = [...list.children].indexOf(event.target);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const text = list.previousElementSibling;
    if (event.key === "Escape") { list.replaceChildren(); text.focus(); event.preventDefault(); return; }
    if (!step || (field && event.key !== "ArrowDown")) return;
    event.preventDefault();
    (list.children[at + step] || (at + step < 0 ? text : list.children[at])).focus();
  });
})();
