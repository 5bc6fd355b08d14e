/* Toasts: what an action led to, and a notice that arrives while a page is open. They go away by themselves; the list keeps a notice. */
(() => {
  const SHOWN_FOR = 12000;
  const MOST = 3;
  const place = document.getElementById("toasts");
  const blank = document.getElementById("toast");
  if (!place || !blank) return;
  const announcer = document.getElementById("announcer");
  const newest = () => document.querySelector("#bell[data-newest]");
  let last = newest()?.dataset.newest || "";

  const close = (toast) => {
    const hadFocus = toast.contains(document.activeElement);
    const next = toast.nextElementSibling || toast.previousElementSibling;
    toast.remove();
    if (hadFocus) (next?.querySelector("button, a") || document.querySelector("main h1") || document.getElementById("bell"))?.focus();
  };
  const run = (toast, closer, { stays = false } = {}) => {
    let timer = 0;
    // Nobody loses what they are pointing at, have moved to, or cannot see.
    const isKept = () => document.hidden || toast.matches(":hover, :focus-within");
    const stay = () => clearTimeout(timer);
    const leave = () => { stay(); if (!stays) timer = setTimeout(() => { if (isKept()) leave(); else close(toast); }, SHOWN_FOR); };
    for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, stay);
    for (const event of ["pointerleave", "focusout"]) toast.addEventListener(event, leave);
    toast.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); stay(); close(toast); } });
    closer.addEventListener("click", (event) => { event.preventDefault(); stay(); close(toast); });
    leave();
  };
  const show = ({ title, level, open }) => {
    const toast = blank.content.firstElementChild.cloneNode(true);
    toast.dataset.level = level;
    toast.querySelector("p").textContent = title;
    toast.querySelector("form").action = open;
    place.append(toast);
    const notices = [...place.querySelectorAll(".wk-toast")];
    const old = notices.find((other) => !other.matches(":hover, :focus-within"));
    if (notices.length > MOST && old !== toast) old?.remove();
    run(toast, toast.querySelector("button[type=button]"));
  };

  /* What the page was sent with is on it already, and a live region speaks only of what changes: it is said apart. */
  const take = () => {
    const said = [...place.querySelectorAll(".wk-flash:not([data-runs])")];
    for (const toast of said) {
      toast.dataset.runs = "";
      run(toast, toast.querySelector("a[aria-label]"), { stays: ["error", "warning"].includes(toast.dataset.level) });
    }
    const words = said.filter((toast) => !toast.querySelector("[data-decided]")).map((toast) => toast.textContent.trim()).join(" ");
    if (!words || !announcer) return;
    setTimeout(() => { announcer.textContent = words; }, 300);
    setTimeout(() => { if (announcer.textContent === words) announcer.textContent = ""; }, 8000);
  };
  take();
  document.addEventListener("walker:told", take);

  // Ids grow with time: a smaller one is an older notice, left over when the newest was seen.
  document.addEventListener("walker:refreshed", () => {
    const bell = newest();
    if (!bell || bell.dataset.newest <= last) return;
    last = bell.dataset.newest;
    // The page it leads to shows by itself what has changed.
    if (bell.dataset.link !== location.pathname && bell.getAttribute("href") !== location.pathname) show(bell.dataset);
  });
})();
