/* Shows a short message when a notice arrives while a page is open. It goes away by itself; the list keeps the notice. */
(() => {
  const SHOWN_FOR = 12000;
  const place = document.getElementById("toasts");
  const blank = document.getElementById("toast");
  if (!place || !blank) return;
  const newest = () => document.querySelector("#bell[data-newest]");
  let last = newest()?.dataset.newest || "";

  const show = ({ title, level, open }) => {
    const toast = blank.content.firstElementChild.cloneNode(true);
    toast.dataset.level = level;
    toast.querySelector("p").textContent = title;
    toast.querySelector("form").action = open;
    let timer = 0;
    const stay = () => clearTimeout(timer);
    const leave = () => { stay(); timer = setTimeout(() => toast.remove(), SHOWN_FOR); };
    // Nobody loses what they are pointing at or have moved to.
    for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, stay);
    for (const event of ["pointerleave", "focusout"]) toast.addEventListener(event, leave);
    toast.querySelector("button[type=button]").addEventListener("click", () => { stay(); toast.remove(); });
    place.replaceChildren(toast);
    leave();
  };

  // Ids grow with time: a smaller one is an older notice, left over when the newest was seen.
  document.addEventListener("walker:refreshed", () => {
    const bell = newest();
    if (!bell || bell.dataset.newest <= last) return;
    last = bell.dataset.newest;
    show(bell.dataset);
  });
})();
