/* A choice in a filter applies at once, and the focus stays on it; without this script the form's button applies it. */
(() => {
  const KEPT = "walker-chosen";
  const STEPS = 700; // arrow keys walk over the choices: the one they stop at applies
  let byKey = false, timer = 0, chosen = null;
  const kept = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  const [path, id] = kept ? JSON.parse(kept) : [];
  const field = path === location.pathname && document.getElementById(id);
  if (field) {
    if (field.checkVisibility?.() === false) field.closest("details")?.setAttribute("open", "");
    field.focus({ preventScroll: true });
  }
  document.addEventListener("keydown", () => { byKey = true; }, true);
  document.addEventListener("pointerdown", () => { byKey = false; }, true);
  document.addEventListener("change", ({ target }) => {
    // A period of one's own waits for its days.
    if (target.localName !== "select" || !target.form?.matches("[data-at-once]") || target.value === target.dataset.waits) return;
    clearTimeout(timer);
    chosen = target;
    timer = setTimeout(() => target.form?.requestSubmit(), byKey ? STEPS : 0);
  });
  /* After all others: a page that changes in place has no other page to keep the focus for. */
  addEventListener("submit", (event) => {
    if (chosen?.form !== event.target || event.defaultPrevented) return;
    clearTimeout(timer);
    sessionStorage.setItem(KEPT, JSON.stringify([location.pathname, chosen.id]));
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) document.querySelectorAll("form[data-at-once]").forEach((form) => form.reset());
  });
})();
