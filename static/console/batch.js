/* Keeps what is selected in a list while it refreshes itself, and shows how much that is. */
(() => {
  const bar = document.getElementById("batch-form");
  if (!bar) return;
  const chosen = new Map(); // id -> the value as it was selected: a changed request is said to be changed
  const boxes = () => [...document.querySelectorAll("input[data-pick]")];
  const all = () => document.querySelector("input[data-pick-all]");
  const idOf = (value) => value.split(":")[0];

  const show = () => {
    const here = boxes();
    const head = all();
    if (head) {
      head.hidden = false;
      head.checked = here.length > 0 && here.every((box) => box.checked);
      head.indeterminate = !head.checked && here.some((box) => box.checked);
    }
    const words = chosen.size ? `${chosen.size} selected.` : bar.dataset.empty || "Select requests to decide many at once.";
    const count = bar.querySelector(".wk-batch-count");
    if (count.textContent !== words) count.textContent = words;
    bar.classList.toggle("is-empty", !chosen.size);
    for (const button of bar.querySelectorAll("button")) button.disabled = !chosen.size;
  };
  const note = (box) => { if (box.checked) chosen.set(idOf(box.value), box.value); else chosen.delete(idOf(box.value)); };
  const restore = () => {
    const here = boxes();
    const seen = new Set(here.map((box) => idOf(box.value)));
    for (const key of chosen.keys()) if (!seen.has(key)) chosen.delete(key); // no longer in the list
    for (const box of here) if (chosen.has(idOf(box.value))) { box.checked = true; box.value = chosen.get(idOf(box.value)); }
    show();
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("input[data-pick]")) note(event.target);
    else if (event.target.matches("input[data-pick-all]")) boxes().forEach((box) => { box.checked = event.target.checked; note(box); });
    else return;
    show();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (localStorage.getItem("walker-keys-off") !== null) return;
    const box = document.activeElement?.closest("tr, li")?.querySelector("input[data-pick]");
    if (!box || document.activeElement === box) return;
    box.checked = !box.checked;
    note(box);
    show();
  });
  document.addEventListener("walker:refreshed", restore);
  addEventListener("pageshow", () => { boxes().forEach(note); restore(); });
  boxes().forEach(note);
  show();
})();
