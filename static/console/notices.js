/* Shows a short message when a notice arrives while a page is open. It goes away by itself; the list keeps the notice. */
(() => {
  const SHOWN_FOR = 12000;
  const MOST = 3;
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
    // Nobody loses what they are pointing at, have moved to, or cannot see.
    const isKept = () => document.hidden || toast.matches(":hover, :focus-within");
    const stay = () => clearTimeout(timer);
    const leave = () => { stay(); timer = setTimeout(() => { if (isKept()) leave(); else close(); }, SHOWN_FOR); };
    const close = () => {
      stay();
      const hadFocus = toast.contains(document.activeElement);
      const next = toast.nextElementSibling || toast.previousElementSibling;
      toast.remove();
      if (hadFocus) (next?.querySelector("button") || document.getElementById("bell"))?.focus();
    };
    for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, stay);
    for (const event of ["pointerleave", "focusout"]) toast.addEventListener(event, leave);
    toast.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); close(); } });
    toast.querySelector("button[type=button]").addEventListener("click", close);
    place.append(toast);
    const old = [...place.children].find((other) => !other.matches(":hover, :focus-within"));
    if (place.childElementCount > MOST && old !== toast) old?.remove();
    leave();
  };

  // Ids grow with time: a smaller one is an older notice, left over when the newest was seen.
  document.addEventListener("walker:refreshed", () => {
    const bell = newest();
    if (!bell || bell.dataset.newest <= last) return;
    last = bell.dataset.newest;
    // The page it leads to shows by itself what has changed.
    if (bell.dataset.link !== location.pathname && bell.getAttribute("href") !== location.pathname) show(bell.dataset);
  });
})();
