/* Counts down the seconds in which something can be undone, and removes the offer when they are over. They are the
   server's: the clock of this machine may be wrong. */
(() => {
  let bars = [], total = new Map(), ends = new Map(), timer = 0;
  const tick = () => {
    clearTimeout(timer);
    for (const bar of bars) {
      const left = ends.get(bar) - performance.now();
      if (left <= 0) { bar.remove(); continue; }
      bar.querySelector(".wk-undo-left").textContent = `${Math.ceil(left / 1000)} s`;
      bar.style.setProperty("--left", left / total.get(bar));
    }
    if (document.querySelector("[data-undo-until]")) timer = setTimeout(tick, 200);
  };
  const take = () => {
    bars = [...document.querySelectorAll("[data-undo-until]")];
    total = new Map(bars.map((bar) => [bar, Math.max(1000, Number(bar.dataset.undoLeft))]));
    ends = new Map(bars.map((bar) => [bar, performance.now() + Number(bar.dataset.undoLeft)]));
    for (const bar of bars) {
      const clock = document.createElement("span");
      clock.className = "wk-undo-left";
      clock.setAttribute("aria-hidden", "true"); // the sentence beside it names the moment once
      bar.querySelector("button").append(" ", clock);
    }
    tick();
  };
  take();
  document.addEventListener("walker:told", take);
})();
